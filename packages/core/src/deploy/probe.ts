import { quote } from '../base/shell.ts'
import type { Upstream } from '../proxy/upstreams.ts'

/** By which port a proxy reaches a service, and what is spoken there. */
export type Door = Pick<Upstream, 'port' | 'speaks'>

/**
 * Words for `probe` where a service has no health test: an answer below 500 on the port that the
 * proxy uses, or somebody who listens there when it is not HTTP.
 */
export function doorTest({ port, speaks }: Door, path: string): string {
  return speaks === 'other' ? `@listens ${port}` : `@replies ${port} ${speaks} ${quote(path)}`
}

/**
 * Shell functions that ask a container how it is: `probe CONTAINER TEST...` runs its health test, or
 * one of `doorTest`. Questions are put from the proxy's container `$FRONT`, which is in the network
 * and mostly has curl, wget or bash, else from the host.
 */
export const PROBE_FUNCTIONS = String.raw`
FETCH=$(cat <<'ASKING'
scheme=$2 at=$3; [ "$2" = http ] || [ -z "$5" ] || { scheme=http; at=$5; }
if command -v curl > /dev/null 2>&1; then
  curl -sk -A diveops-watch -o /dev/null -w '%{http_code}' --max-time 5 ${'$'}{6:+-H "X-Forwarded-Proto: $6"} --connect-to "::$3" "$2://$1$4"; exit
elif command -v wget > /dev/null 2>&1; then
  said=$(timeout 6 wget -S -q -U diveops-watch -O /dev/null -T 5 --no-check-certificate --header "Host: $1" ${'$'}{6:+--header "X-Forwarded-Proto: $6"} "$scheme://$at$4" 2>&1)
elif [ "$scheme" = http ] && command -v bash > /dev/null 2>&1; then
  said=$(timeout 6 bash -c 'exec 3<> "/dev/tcp/$2/$3" && printf "GET %s HTTP/1.0\r\nHost: %s\r\n%bUser-Agent: diveops-watch\r\n\r\n" "$4" "$1" "$5" >&3 && head -n 1 <&3' bash "$1" "$(echo "$at" | cut -d : -f 1)" "$(echo "$at" | cut -d : -f 2)" "$4" "${'$'}{6:+X-Forwarded-Proto: $6\r\n}" 2>&1)
else echo none; exit; fi
status=$(echo "$said" | sed -n 's|.*HTTP/[0-9.]* \([0-9][0-9][0-9]\).*|\1|p' | head -n 1)
[ -n "$status" ] && echo "$status" || echo 000
ASKING
)
fetch() { # HOST SCHEME ADDRESS PATH [ADDRESS-FOR-HTTP [SCHEME-OF-VISITOR]]: status of an answer, 000 for no answer, none where nothing can ask
  docker exec "$FRONT" sh -c "$FETCH" sh "$@" 2>/dev/null; }
FETCH_EACH='while read -r host scheme at path visitor; do echo "$(sh -c "$1" sh "$host" "$scheme" "$at" "$path" "" "$visitor" </dev/null 2>/dev/null)"; done'
fetch_each() { # FILE: for its lines HOST SCHEME ADDRESS PATH SCHEME-OF-VISITOR what fetch says, at the price of one question to the engine
  said=$(docker exec -i "$FRONT" sh -c "$FETCH_EACH" sh "$FETCH" < "$1" 2>/dev/null)
  case $said in none*|'') said=$(sh -c "$FETCH_EACH" sh "$FETCH" < "$1") ;; esac
  echo "$said"; }
sockets() { # CONTAINER [PROCESS]: the connections that its kernel knows, also those that just ended
  at=${'$'}{2:-$(docker inspect -f '{{.State.Pid}}' "$1" 2>/dev/null)}
  cat "/proc/$at/net/tcp" "/proc/$at/net/tcp6" 2>/dev/null || docker exec "$1" cat /proc/net/tcp /proc/net/tcp6 2>/dev/null; }
listens() { # CONTAINER PORT
  sockets "$1" | awk -v port="$(printf %04X "$2")" '$4 == "0A" { split($2, at, ":"); if (at[2] == port) found = 1 } END { exit !found }'; }
replies() { # CONTAINER PORT SCHEME PATH
  listens "$1" "$2" || { echo "nothing listens on port $2"; return 1; }
  for at in $(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' "$1"); do
    status=$(fetch localhost "$3" "$at:$2" "$4")
    case $status in 000|none|'') status=$(sh -c "$FETCH" sh localhost "$3" "$at:$2" "$4") ;; esac
    case $status in none|[1-4]*) return 0 ;; esac
  done
  echo "port $2 answers $status"; return 1; }
probe() { # CONTAINER TEST...: whether a health test succeeds, and what it says
  case $2 in
    @replies) replies "$1" "$3" "$4" "$5" ;;
    @listens) listens "$1" "$3" || { echo "nothing listens on port $3"; return 1; } ;;
    *) subject=$1; shift; timeout 10 docker exec "$subject" "$@" 2>&1 </dev/null ;;
  esac; }
`
