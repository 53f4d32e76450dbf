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
SERVING=$(cat <<'SERVING'
serving() { # processes that serve: nginx calls them so, HAProxy's are all but the first
  for p in /proc/[0-9]*; do
    [ "$(cat "$p/comm" 2>/dev/null)" = "$kind" ] || continue
    case $kind in
      (nginx) case $(tr "\0" " " < "$p/cmdline" 2>/dev/null) in (*"worker process"*) basename "$p" ;; esac ;;
      (*) [ "$p" = "/proc/$main" ] || basename "$p" ;;
    esac
  done; }
kind=$1 main=$2
shift 2
SERVING
)
# One question to the engine instead of five, since visitors wait for it when a release is bad.
RENEW=$(cat <<'RENEWING'
before=$(serving)
case $kind in
  (nginx) nginx -t "$@" && nginx -s reload "$@" ;;
  (*) haproxy -c "$@" && kill -USR2 "$main" ;;
esac || exit 1
tries=0
while [ "$tries" -lt 100 ]; do # until a process serves that was not there before
  for worker in $(serving); do
    case " $(echo $before) " in (*" $worker "*) ;; (*) echo "@before" $before; exit 0 ;; esac
  done
  tries=$((tries + 1)); sleep 0.05 2>/dev/null || sleep 1
done
exit 1
RENEWING
)
within() { # SCRIPT WORD...: in the proxy's container, where its processes are known
  script=$1; shift
  docker exec "$FRONT" sh -c "$SERVING
$script" sh "$FRONT_KIND" "$FRONT_PID" "$@"; }
# A refusal is one the second time, too; an engine that could not start the question answers it then.
reload() { renew || { sleep 0.25; renew; }; }
renew() {
  case $FRONT_KIND in
    nginx|haproxy) within "$RENEW" $FRONT_WORDS > "$SCRATCH/front.out" 2>&1 && grep -q '^@before' "$SCRATCH/front.out" || return 1
      before=$(sed -n 's/^@before //p' "$SCRATCH/front.out") ;;
    caddy) [ -z "$pinned_at" ] || while ! past "$pinned_at" ${HOSTS_MEMORY_S}; do sleep 0.1; done
      docker exec "$FRONT" caddy reload --force $FRONT_WORDS > "$SCRATCH/front.out" 2>&1 ;;
    *) return 1 ;;
  esac; }
connections() { # CONTAINER...: the proxy's connections to them
  for each in "$@"; do networks "$each"; done | awk 'NF == 2 { split($2, n, "."); printf "%02X%02X%02X%02X\n", n[4], n[3], n[2], n[1] }' > "$SCRATCH/peers"
  docker exec "$FRONT" sh -c 'cat /proc/net/tcp /proc/net/tcp6' 2>/dev/null | awk '
    FILENAME == ARGV[1] { peer[$1]; next } $4 == "01" { split($3, to, ":"); if (substr(to[1], length(to[1]) - 7) in peer) print $2 }' "$SCRATCH/peers" -; }
unfinished() { # CONTAINER...: what goes on from before the last reload; of Caddy's connections none tells whether it is idle
  if [ "$FRONT_KIND" = caddy ]; then connections "$@"; return; fi
  live=" $(within 'serving; echo told' | tr '\n' ' ') "
  # Who was not told knows of none that has ended.
  case $live in *' told '*) ;; *) echo "$before"; return ;; esac
  for worker in $before; do case $live in *" $worker "*) echo "$worker" ;; esac; done; }
drain() { # SECONDS CONTAINER...: fails when something is not done by then
  span=$1; shift; begin=$(seconds)
  while [ -n "$(unfinished "$@")" ]; do
    ! past "$begin" "$span" || { took "$begin" 'old requests left'; return 1; }
    sleep 0.1
  done
  took "$begin" 'old requests done'; }
`
