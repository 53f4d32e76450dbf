import { quote } from '../base/shell.ts'
import { ENVIRONMENT, scratchSource } from './loop.ts'

export interface LockSourceOptions {
  /** Random halves; together they begin each line for the client. */
  marker: readonly [string, string]
  nonce: string
  path: string
  /** One line of JSON with the nonce in it. */
  holder: string
  timeoutSeconds: number
  silenceSeconds: number
  /** Lines of the app's journal: JSON objects that the host completes with the time. */
  journal: {
    /** Written when the lock is held. */
    begin: string
    /** Written when the client is gone without having given the lock back. */
    gone: string
  }
  /** Shell text that runs in the app's directory when the client gives the lock back. */
  onRelease: string
}

/**
 * The program that holds the lock. It says `waiting HOLDER`, `held BEGIN`, `timeout`, `path USER WHY`
 * or `tools NAME`, and `.lock` in the scratch directory becomes `held` or `failed`; BEGIN is the line
 * by which the last run before this one began. It reads dots; `n` and a line for the journal; `x`
 * gives the lock back. The end of its input, or silence, means that the client is gone: it ends the
 * loop with the script that runs there, and only then lets others in. Children that outlive it do
 * not have the lock's descriptor, 9, so none holds it by accident.
 */
export function lockSource(options: LockSourceOptions): string {
  const { marker, nonce, path, holder, timeoutSeconds, silenceSeconds, journal, onRelease } =
    options
  return `
${ENVIRONMENT}
a=${marker[0]}
b=${marker[1]}
dir=${quote(path)}
file=$dir/.diveops/lock
journal=$dir/.diveops/journal.jsonl
holder=${quote(holder)}
${scratchSource(nonce)}
say() { printf '%s%s %s\\n' "$a" "$b" "$*"; }
fail() {
  echo failed >"$SCRATCH/.lock"
  say "$@"
  exit 1
}
record() { # JSON: a line of the journal, whole also after one that a crash cut short
  [ -z "$(tail -c 1 "$journal" 2>/dev/null)" ] || echo >>"$journal"
  printf '{"at":"%s",%s\\n' "$(date -u +%FT%TZ)" "\${1#?}" >>"$journal"
}
scratch || exit 1
for tool in flock timeout; do
  command -v "$tool" >/dev/null || fail tools "$tool"
done
why=$({ mkdir -p "$dir" &&
  { [ -d "$dir/.diveops" ] || mkdir -m 700 "$dir/.diveops" || [ -d "$dir/.diveops" ]; } &&
  : >>"$file"; } 2>&1) ||
  fail path "$(id -un)" "$(printf %s "$why" | tail -n 1)"
[ -w "$file" ] && [ -w "$dir/.diveops" ] || fail path "$(id -un)" "$dir/.diveops is another user's"
exec 9>>"$file"
held() {
  printf '%s\\n' "$holder" >"$file.json.$$" && mv "$file.json.$$" "$file.json"
  last=$(grep -F '"event":"begin"' "$journal" 2>/dev/null | tail -n 1)
  record ${quote(journal.begin)}
  echo held >"$SCRATCH/.lock"
  say held "$last"
}
wait_for_it() {
  f=
  trap 'kill "$f" 2>/dev/null; exit 1' TERM
  timeout ${timeoutSeconds} flock 9 &
  f=$!
  if wait "$f" 2>/dev/null; then held; else fail timeout; fi
}
w=
finish() {
  trap - EXIT
  trap '' HUP INT TERM PIPE
  [ "$w" ] && kill -TERM "$w" 2>/dev/null && wait "$w"
  if [ "$1" = gone ]; then
    if read -r r 2>/dev/null <"$SCRATCH/.loop" && grep -q fullblock "/proc/$r/cmdline" 2>/dev/null; then
      kill -HUP "$r" 2>/dev/null
      n=0
      while [ -d "$SCRATCH" ] && [ "$n" -lt 100 ] && kill -0 "$r" 2>/dev/null; do
        n=$((n + 1))
        sleep 0.05 9>&-
      done
    fi
    rm -rf "$SCRATCH"
  fi
  # A run that never came to hold the lock has nothing to say here.
  grep -q ${nonce} "$file.json" 2>/dev/null || exit 0
  if [ "$1" = gone ]; then record ${quote(journal.gone)}
  else (cd "$dir" && ${onRelease}) >/dev/null 2>&1 </dev/null 9>&-; fi
  rm -f "$file.json"
  exit 0
}
trap 'finish gone' EXIT HUP INT TERM PIPE
if flock -n 9; then
  held
else
  say waiting "$(tr '\\n' ' ' 2>/dev/null <"$file.json" | cut -c 1-4000)"
  wait_for_it </dev/null &
  w=$!
fi
while :; do
  got=$(timeout ${silenceSeconds} dd bs=1 count=1 status=none 9>&-)
  case $got in
  .) ;;
  n) IFS= read -r line && record "$line" ;;
  *) break ;;
  esac
done
[ "$got" = x ] && finish released
finish gone
`
}
