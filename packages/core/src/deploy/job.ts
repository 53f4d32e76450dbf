import { quote } from '../base/shell.ts'
import type { Place } from './library.ts'

/** A script that starts a job on the host and follows it, and what to send to its standard input. */
export interface Job {
  script: string
  stdin: string
}

/**
 * Makes a script a job: it runs in a session of its own and ends what it began also when the
 * connection breaks, with its output and exit code in `.diveops/jobs/<release>-<name>/`. The caller's
 * script shows the output as it comes and exits with the job's code. While it runs it holds
 * `.diveops/job`, so that a later run can wait for it.
 */
export function asJob(place: Place, name: string, script: string): Job {
  const folder = `${place.path}/.diveops/jobs/${place.release}-${name}`
  return {
    stdin: script,
    script: `J=${quote(folder)}
rm -rf "$J" && mkdir -p "$J" && cat > "$J/script" || exit 1
(
  trap '' HUP PIPE
  SCRATCH=$J; export SCRATCH
  exec setsid sh -c 'exec 9> "$1/../../job"; flock 9
    sh "$1/script" > "$1/out" 2>&1 < /dev/null; echo $? > "$1/code.new"; mv "$1/code.new" "$1/code"' job "$J" < /dev/null > /dev/null 2>&1
) &
: > "$J/seen"
while :; do
  ended=; [ ! -f "$J/code" ] || ended=yes
  seen=$(wc -c < "$J/seen")
  [ ! -f "$J/out" ] || tail -c +$((seen + 1)) "$J/out" | tee -a "$J/seen"
  [ -z "$ended" ] || break
  sleep 0.1
done
code=$(cat "$J/code"); rm -rf "$J"
exit "$code"`
  }
}

/** Exit code of `awaitJobs` when the time was not enough. */
export const JOBS_STILL_RUN = 98

/** Shell text that waits until no job of an earlier run is under way, for so many seconds at most. */
export function awaitJobs(path: string, seconds: number): string {
  const file = quote(`${path}/.diveops/job`)
  return `[ ! -f ${file} ] || flock -w ${seconds} ${file} true || exit ${JOBS_STILL_RUN}\n`
}
