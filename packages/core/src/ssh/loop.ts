/** What a loop on the host and its client agree on; both halves and the nonce are random hex. */
export interface LoopOptions {
  /** Printed together they end a run's output; apart, so that no echo of the program contains them. */
  marker: readonly [string, string]
  /** Names the scratch directory, which nobody can guess before it exists. */
  nonce: string
}

/**
 * Shell text that makes hosts alike: an account without a login has a short `PATH`, and messages
 * are matched in English.
 */
export const ENVIRONMENT = `
umask 022
PATH=\${PATH:+$PATH:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin:$HOME/bin
LC_ALL=C
for l in C.utf8 C.UTF-8; do [ -d "/usr/lib/locale/$l" ] && LC_ALL=C.UTF-8; done
unset LANGUAGE ENV BASH_ENV
export PATH LC_ALL`

/**
 * Shell text that makes the connection's own directory and sets `SCRATCH`, or returns 1. In memory
 * where /dev/shm is, so that what is written there never reaches a disk. Run by each channel of the
 * connection; whichever comes first makes it.
 */
export function scratchSource(nonce: string): string {
  return `
scratch() {
  set --
  [ -w /dev/shm ] && grep -q '^[^ ]* /dev/shm tmpfs ' /proc/mounts 2>/dev/null && set -- /dev/shm
  for SCRATCH in "$@" "\${TMPDIR:-/tmp}" /tmp; do
    SCRATCH=$SCRATCH/diveops-${nonce}
    mkdir -m 700 "$SCRATCH" 2>/dev/null && return
    [ -d "$SCRATCH" ] && [ -O "$SCRATCH" ] && return
  done
  return 1
}`
}

/**
 * The program that reads scripts from its standard input and runs them one after the other, each
 * with `sh` in a session of its own. A request is a line `run SEQ LENGTH STDIN`, LENGTH bytes of
 * script, `end`, and where STDIN is not 0 that many bytes and `end` again; `stop` ends what runs.
 * The answer is what the script writes, then on both streams the marker, SEQ and the exit code.
 *
 * It reads on while a script runs, so it sees the connection end: then the script's process group
 * gets HUP, two seconds later KILL, and the scratch directory goes. Processes that a script has put
 * into a session of their own (`setsid`) live on. A script whose standard input was cut short never
 * sees it end, so nothing takes half a file for a whole one. A script that was ended so gets no
 * answer: to a client that was only thought dead its connection is lost, not its script failed.
 */
export function loopSource({ marker: [a, b], nonce }: LoopOptions): string {
  return `
${ENVIRONMENT}
export SCRATCH
a=${a}
b=${b}
r=
answer() {
  printf '%s%s %s %s\\n' "$a" "$b" "$1" "$2"
  printf '%s%s %s %s\\n' "$a" "$b" "$1" "$2" >&2
}
take() { dd bs=65536 iflag=fullblock,count_bytes status=none count="$1"; }
whole() { read -r l && [ "$l" = end ]; }
own=
command -v setsid >/dev/null && own=setsid
finish() {
  trap - EXIT
  trap '' HUP INT TERM PIPE
  if [ "$r" ] && kill -HUP "$r" 2>/dev/null; then wait "$r"; fi
  rm -rf "$SCRATCH"
}
halt() {
  t=1
  [ "$p" ] || return
  kill -HUP "$p" "-$p" 2>/dev/null
  { sleep 2; kill -KILL "-$p"; } >/dev/null 2>&1 4<&- &
}
runner() {
  exec 5>&-
  t=
  p=
  q=
  trap halt TERM
  trap 'q=1; halt' HUP
  $own sh "$SCRATCH/.script" <&4 4<&- &
  p=$!
  [ -z "$t" ] || halt
  wait "$p" 2>/dev/null
  c=$?
  while kill -0 "$p" 2>/dev/null; do wait "$p" 2>/dev/null; c=$?; done
  # In the background, because a signal waits for a command in the foreground to end.
  if [ -z "$t" ] && [ "$2" -gt 0 ]; then cat <&4 >/dev/null & wait "$!"; fi
  [ "$q" ] || answer "$1" "$c"
}
${scratchSource(nonce)}
if ! scratch; then
  echo "no directory for temporary files is writable: tried /dev/shm, \${TMPDIR:-/tmp} and /tmp"
  answer 0 1
  exit 1
fi
trap finish EXIT
trap 'exit 1' HUP INT TERM PIPE
echo $$ >"$SCRATCH/.loop"
answer 0 0
while IFS=' ' read -r verb seq length stdin; do
  case $verb in
  run)
    wait
    r=
    take "$length" >"$SCRATCH/.script" && whole || exit 1
    if [ "$stdin" -eq 0 ]; then
      exec 4</dev/null
      runner "$seq" 0 &
      r=$!
      exec 4<&-
    else
      [ -p "$SCRATCH/.stdin" ] || mkfifo "$SCRATCH/.stdin" || exit 1
      exec 3<>"$SCRATCH/.stdin" 4<"$SCRATCH/.stdin" 5>"$SCRATCH/.stdin" 3>&-
      runner "$seq" "$stdin" &
      r=$!
      exec 4<&-
      take "$stdin" >&5
      whole || exit 1
      exec 5>&-
    fi
    ;;
  stop) [ "$r" ] && kill -TERM "$r" 2>/dev/null ;;
  *) exit 1 ;;
  esac
done
`
}
