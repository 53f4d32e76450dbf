import { quote } from '../base/shell.ts'
import { ENVIRONMENT_FUNCTIONS } from './environment.ts'
import { PROBE_FUNCTIONS } from './probe.ts'
import { ADDRESS_PATTERN, HOLDS_SECRET } from './resolve.ts'

/** What every script of a deploy may use; `$P` is the app's folder, `$C` the compose file in it. */
export interface Place {
  path: string
  compose: string
  /** Name of the compose project. */
  project: string
  /** The release that the scripts work for, for the journal. */
  release: string
}

/**
 * Shell function `redact`: takes the values of secret variables out of a text, those of the app's
 * `.env` or of the file `$SECRETS`. The client never gets these values.
 */
export const REDACT = String.raw`redact() { awk -v file="${'$'}{SECRETS:-$P/.env}" -v quotes="'\"" '
  BEGIN { while ((getline line < file) > 0)
    if (match(line, /^[ \t]*(export[ \t]+)?[A-Za-z_][A-Za-z0-9_]*[ \t]*=/)) {
      name = toupper(substr(line, 1, RLENGTH)); value = substr(line, RLENGTH + 1)
      if (!(${HOLDS_SECRET})) continue
      gsub(/^[ \t]+|[ \t\r]+$/, "", value); q = substr(value, 1, 1)
      if (q != "" && index(quotes, q)) value = substr(value, 2, length(value) - 2)
      if (length(value) >= 4) secret[value]
      if (match(value, ${ADDRESS_PATTERN})) {
        word = substr(value, RSTART, RLENGTH - 1); sub(/^:\/\/[^:]*:/, "", word)
        if (length(word) >= 4) secret[word] } } }
  { for (value in secret) { rest = $0; $0 = ""
      while (at = index(rest, value)) { $0 = $0 substr(rest, 1, at - 1) "***"; rest = substr(rest, at + length(value)) }
      $0 = $0 rest }
    print; fflush() }'; }`

/**
 * Shell functions on the host, POSIX and no more than coreutils, awk and docker:
 * `step NAME` tells the client where the script is, `fail TEXT` ends it with one line for the user,
 * `dc` is compose on the app, `ids SERVICE` its containers, `redact` takes the values of secret
 * variables of .env (which the client never gets) out of what is shown, `wait_ready` waits for a
 * container by its own health test.
 */
const FUNCTIONS = String.raw`
step() {
  printf '@step %s\n' "$1"
  [ ! -d .diveops ] || printf '{"at":"%s","release":"%s","step":"%s"}\n' "$(date -u +%FT%TZ)" "$RELEASE" "$1" >> .diveops/journal.jsonl; }
note() { printf '@note %s\n' "$*"; }
fail() { printf '@fail %s\n' "$*"; exit 1; }
dc() { docker compose -f "$C" "$@" </dev/null; }
ids() { docker ps -aq --no-trunc --filter "label=com.docker.compose.project=$N" --filter "label=com.docker.compose.service=$1" --filter label=com.docker.compose.oneoff=False; }
${REDACT}
seconds() { cut -d ' ' -f 1 /proc/uptime; }
took() { awk -v a="$1" -v b="$(seconds)" -v what="$2" 'BEGIN { printf "took %.2f s: %s\n", b - a, what }'; } # SINCE WHAT: for the debug log
past() { [ "$(awk -v a="$1" -v b="$(seconds)" -v l="$2" 'BEGIN { print (b - a >= l) }')" = 1 ]; } # SINCE SECONDS
show() { redact | tail -n 40 | awk -v title="$1" 'NR == 1 { print "@more " title } { print "@more   " $0 }'; } # nothing of nothing
explain() {
  [ ! -s "$SCRATCH/test.out" ] || show 'the health test said:' < "$SCRATCH/test.out"
  docker inspect -f '{{if .State.Health}}{{range .State.Health.Log}}{{.ExitCode}} {{.Output}}{{end}}{{end}}' "$1" 2>/dev/null | grep . | show "the engine's health log:"
  docker logs --tail 40 "$1" 2>&1 | show 'the last lines of its log:'; }
wait_ready() { # SECONDS CONTAINER [TEST...]: 0 ready, 1 not within the time, 2 ended
  limit=$1; box=$2; shift 2; begin=$(seconds); : > "$SCRATCH/test.out"
  while :; do
    if [ $# -gt 0 ] && probe "$box" "$@" > "$SCRATCH/test.out"; then took "$begin" 'container ready'; return 0; fi
    passed=$(awk -v a="$begin" -v b="$(seconds)" 'BEGIN { print int(b - a) }')
    state=$(docker inspect -f '{{.State.Status}} {{.RestartCount}}' "$box" 2>/dev/null || echo gone 0)
    case $state in
      'running 0') [ $# -gt 0 ] || [ "$passed" -lt 1 ] || { took "$begin" 'container ready'; return 0; } ;;
      exited*|dead*|gone*) return 2 ;;
    esac
    [ "$(echo "$state" | cut -d ' ' -f 2)" -lt 3 ] || return 2
    [ "$passed" -lt "$limit" ] || return 1
    sleep 0.1
  done; }
must_be_ready() { # SECONDS SERVICE [TEST...]
  span=$1; name=$2; shift 2
  for each in $(ids "$name"); do
    wait_ready "$span" "$each" "$@"
    case $? in
      0) note "$name is ready" ;;
      1) explain "$each"; fail "service '$name' was not healthy within $span s" ;;
      *) code=$(docker inspect -f '{{.State.ExitCode}}' "$each" 2>/dev/null); explain "$each"
         fail "service '$name' ended by itself with exit code $code before it was healthy" ;;
    esac
  done; }
must_complete() { # SECONDS SERVICE
  for each in $(ids "$2"); do
    code=$(timeout "$1" docker wait "$each") || fail "service '$2' was not finished within $1 s"
    [ "$code" = 0 ] || { explain "$each"; fail "service '$2' ended with exit code $code"; }
  done; }
put() { # SOURCE TARGET: over the same inode when there is one, which a single-file mount needs
  if [ ! -f "$2" ]; then mkdir -p "$(dirname "$2")" && cp "$1" "$2"; return; fi
  if [ -x "$1" ] && [ ! -x "$2" ]; then chmod +x "$2"; fi
  # Copied beside it first: on a full disk the file in use is never left half written.
  cmp -s "$1" "$2" || { cp "$1" "$2.new" && cat "$2.new" > "$2" && rm "$2.new"; }; }
`

/** Shell text that adds a line, a JSON object, to the journal with the time. */
export function recordLine(line: string): string {
  const rest = quote(line.slice(1))
  return `[ -z "$(tail -c 1 .diveops/journal.jsonl 2> /dev/null)" ] || echo >> .diveops/journal.jsonl
printf '{"at":"%s",%s\\n' "$(date -u +%FT%TZ)" ${rest} >> .diveops/journal.jsonl`
}

/** A script of a deploy: the shell functions, the app's place, then the given commands. */
export function onHost(place: Place, body: string): string {
  return `P=${quote(place.path)} C=${quote(place.compose)} N=${quote(place.project)} RELEASE=${quote(place.release)} FRONT=
${FUNCTIONS}${PROBE_FUNCTIONS}${ENVIRONMENT_FUNCTIONS}mkdir -p "$P" && cd "$P" || fail "cannot enter $P"
${body}
`
}

/** How long an engine that does not answer, as while it restarts, is waited for, in seconds. */
const ENGINE_PATIENCE_S = 90

/** A script that waits until the engine answers. */
export function awaitEngine(place: Place): string {
  return onHost(
    place,
    `tries=0
until docker version > /dev/null 2>&1; do
  tries=$((tries + 1)); [ "$tries" -lt ${ENGINE_PATIENCE_S} ] || fail 'the Docker engine does not answer'
  sleep 1
done`
  )
}
