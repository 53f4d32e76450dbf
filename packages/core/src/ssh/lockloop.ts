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
}

/**
 * The program that holds the lock. It says `waiting HOLDER`, `held`, `timeout`, `path USER WHY` or
 * `tools NAME`, and `.lock` in the scratch directory becomes `held` or `failed`. It reads dots; `x`
 * gives the lock back. The end of its input, or silence, means that the client is gone: it ends the
 * loop with the script that runs there, and only then lets others in. Children that outlive it do
 * not have the lock's descriptor, 9, so none holds it by accident.
 */
export function lockSource(options: LockSourceOptions): string {
  const { marker, nonce, path, holder, timeoutSeconds, silenceSeconds } = options
  return `
${ENVIRONMENT}
a=${marker[0]}
b=${marker[1]}
dir=${quote(path)}
file=$dir/.diveops/lock
holder=${quote(holder)}
${scratchSource(nonce)}
say() { printf '%s%s %s\\n' "$a" "$b" "$*"; }
fail() {
  echo failed >"$SCRATCH/.lock"
  say "$@"
  exit 1
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
  echo held >"$SCRATCH/.lock"
  say held
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
  grep -q ${nonce} "$file.json" 2>/dev/null && rm -f "$file.json"
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
  [ "$got" = . ] || break
done
[ "$got" = x ] && finish released
finish gone
`
}
