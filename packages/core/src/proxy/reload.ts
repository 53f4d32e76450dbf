import { FIND_FRONT } from './look.ts'

/** Go keeps what it read of /etc/hosts for five seconds. */
const HOSTS_MEMORY_S = 5.2

/**
 * Shell functions that let the proxy in container `$FRONT` read its configuration anew, and ask for
 * names anew, without dropping what it serves: `reload` fails, with what the proxy said in
 * `$SCRATCH/front.out`, when it refuses, and it then goes on as before; `drain SECONDS CONTAINER...`
 * waits until what it served before the last reload, through these containers, is done. Needs
 * `seconds`, `past`, `took` and `networks`.
 */
export const RELOAD_FUNCTIONS = String.raw`
${FIND_FRONT}
inside() { docker exec "$FRONT" "$@" > "$SCRATCH/front.out" 2>&1; }
workers() { # processes that serve: nginx calls them so, HAProxy's are all but the first
  docker exec "$FRONT" sh -c 'for p in /proc/[0-9]*; do
  [ "$(cat "$p/comm" 2>/dev/null)" = "$1" ] || continue
  case $1 in
    nginx) case $(tr "\0" " " < "$p/cmdline" 2>/dev/null) in *"worker process"*) basename "$p" ;; esac ;;
    *) [ "$p" = "/proc/$2" ] || basename "$p" ;;
  esac; done' sh "$FRONT_KIND" "$FRONT_PID" | sort; }
new_workers() { # waits for a process that was not there before
  tries=0
  while [ "$tries" -lt 100 ]; do
    for worker in $(workers); do case " $(echo $before) " in *" $worker "*) ;; *) return 0 ;; esac; done
    tries=$((tries + 1)); sleep 0.05
  done
  return 1; }
reload() {
  case $FRONT_KIND in
    nginx) before=$(workers); inside nginx -t $FRONT_WORDS && inside nginx -s reload $FRONT_WORDS && new_workers ;;
    haproxy) before=$(workers); inside haproxy -c $FRONT_WORDS && inside sh -c "kill -USR2 $FRONT_PID" && new_workers ;;
    caddy) [ -z "$pinned_at" ] || while ! past "$pinned_at" ${HOSTS_MEMORY_S}; do sleep 0.1; done
      inside caddy reload --force $FRONT_WORDS ;;
    *) return 1 ;;
  esac; }
connections() { # CONTAINER...: the proxy's connections to them
  for each in "$@"; do networks "$each"; done | awk 'NF == 2 { split($2, n, "."); printf "%02X%02X%02X%02X\n", n[4], n[3], n[2], n[1] }' > "$SCRATCH/peers"
  docker exec "$FRONT" sh -c 'cat /proc/net/tcp /proc/net/tcp6' 2>/dev/null | awk '
    FILENAME == ARGV[1] { peer[$1]; next } $4 == "01" { split($3, to, ":"); if (substr(to[1], length(to[1]) - 7) in peer) print $2 }' "$SCRATCH/peers" -; }
unfinished() { # CONTAINER...: what goes on from before the last reload; of Caddy's connections none tells whether it is idle
  if [ "$FRONT_KIND" = caddy ]; then connections "$@"; return; fi
  live=" $(workers | tr '\n' ' ') "
  for worker in $before; do case $live in *" $worker "*) echo "$worker" ;; esac; done; }
drain() { # SECONDS CONTAINER...: fails when something is not done by then
  span=$1; shift; begin=$(seconds)
  while [ -n "$(unfinished "$@")" ]; do
    ! past "$begin" "$span" || { took "$begin" 'old requests left'; return 1; }
    sleep 0.1
  done
  took "$begin" 'old requests done'; }
`
