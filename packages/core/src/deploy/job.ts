import { quote } from '../base/shell.ts'

/** Exit code of `awaitJobs` when the time was not enough. */
export const JOBS_STILL_RUN = 98

/** A line of output as long as this was cut by the connection, not by the script that wrote it. */
const LONGEST_LINE = 64 * 1024

/**
 * A script that runs on the host in a session of its own and ends what it began also when the
 * connection breaks, with its output and exit code in `.diveops/jobs/<id>/`. It is started once and
 * no more, however often it is asked after: each time the output goes on where it stopped. While it
 * runs it holds `.diveops/job`, so that a later run can wait for it.
 */
export class Job {
  /** Where the host keeps its output, for a person to look at. */
  readonly folder: string
  /** The job's own script: it goes to the standard input of `script()`. */
  readonly stdin: string
  readonly #jobs: string
  readonly #before: string
  #begun = false
  #follows = false
  #heard = 0

  /** `before` runs first, on the connection and as often as it breaks, until the job has begun. */
  constructor(path: string, id: string, script: string, before = '') {
    this.#jobs = `${path}/.diveops/jobs`
    this.folder = `${this.#jobs}/${id}`
    this.stdin = script
    this.#before = before
  }

  /** Whether the host has said that it runs. */
  get hasBegun(): boolean {
    return this.#begun
  }

  /** Takes a line of what `script()` printed; false when it is not for anybody else. */
  hear(line: string): boolean {
    if (line === '@begun') {
      this.#begun = true
      this.#follows = true
      return false
    }
    if (this.#follows && line.length < LONGEST_LINE) this.#heard += 1
    return true
  }

  /** The same as `script` for a job that has begun, which is told first to go back if it still can. */
  cancelScript(): string {
    return `: > ${quote(`${this.folder}/cancel`)}\n${this.script()}`
  }

  /**
   * Starts the job unless it has begun, prints what it has printed since the last time and exits with
   * its code. A job that ended without one, which only the end of the host does, fails as a step.
   */
  script(): string {
    this.#follows = false
    return `J=${quote(this.folder)}
if [ -d "$J/begun" ]; then cat > /dev/null
else
for old in ${quote(this.#jobs)}/*; do [ "$old" = "$J" ] || rm -rf "$old"; done
${this.#before}
mkdir -p "$J" && cat > "$J/script.new" && mv "$J/script.new" "$J/script" || exit 1
(
  trap '' HUP PIPE
  SCRATCH=$J; export SCRATCH
  exec setsid sh -c 'exec 9> "$1/../../job"; flock 9; mkdir "$1/begun" || exit
    sh "$1/script" > "$1/out" 2>&1 < /dev/null; echo $? > "$1/code.new"; mv "$1/code.new" "$1/code"' job "$J" < /dev/null > /dev/null 2>&1
) &
fi
echo @begun
seen=; looks=0
while :; do
  ended=; looks=$((looks + 1))
  if [ -f "$J/code" ]; then ended=yes
  elif [ $((looks % 20)) = 0 ] && [ -d "$J/begun" ] && flock -n "$J/../../job" true && [ ! -f "$J/code" ]; then ended=dead; fi
  if [ -f "$J/out" ]; then
    [ -n "$seen" ] || seen=$(head -n ${this.#heard} "$J/out" | wc -c)
    size=$(wc -c < "$J/out")
    [ "$size" -le "$seen" ] || tail -c +$((seen + 1)) "$J/out" | head -c $((size - seen))
    seen=$size
  fi
  [ -z "$ended" ] || break
  sleep 0.1
done
[ "$ended" = yes ] || { printf '\\n@died\\n'; exit 1; }
exit "$(cat "$J/code")"`
  }
}

/** Shell text that waits until no job of an earlier run is under way, for so many seconds at most. */
export function awaitJobs(path: string, seconds: number): string {
  const file = quote(`${path}/.diveops/job`)
  return `[ ! -f ${file} ] || flock -w ${seconds} ${file} true || exit ${JOBS_STILL_RUN}\n`
}
