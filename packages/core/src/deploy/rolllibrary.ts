/**
 * Shell functions of a roll, beside those of every script: pins in /etc/hosts of the proxy and of
 * other services, reload of nginx with its old workers watched, questions through the proxy.
 *
 * nginx asks the resolver of its container when it starts or reloads, and /etc/hosts answers before
 * DNS, so one line there says which container a service's name means. The file is a mount and must
 * be written in place. When a container restarts, the engine writes it anew: then DNS answers, and
 * the bridge has the service's aliases.
 */
export const ROLL_FUNCTIONS = String.raw`
networks() { docker inspect -f '{{range $name, $one := .NetworkSettings.Networks}}{{$name}} {{$one.IPAddress}}{{"\n"}}{{end}}' "$1"; }
address() { # CALLER TARGET: the target's address in a network of the caller
  networks "$2" > "$SCRATCH/target.net"
  networks "$1" | while read -r name _; do awk -v n="$name" '$1 == n && $2 != "" { print $2; exit }' "$SCRATCH/target.net"; done | head -n 1; }
hosts() { # CONTAINER SERVICE [LINE]: our line for a service, or none
  docker exec -u 0 "$1" sh -c 'kept=$(grep -v " # roll of $1$" /etc/hosts)
    { printf "%s\n" "$kept"; [ -z "$2" ] || printf "%s # roll of %s\n" "$2" "$1"; } > /etc/hosts' sh "$2" "$3" 2>/dev/null; }
others() { docker ps -q --no-trunc --filter "label=com.docker.compose.project=$N" --filter label=com.docker.compose.oneoff=False | while read -r id; do case " $own " in *" $id "*) ;; *) echo "$id" ;; esac; done; }
pin() { # SERVICE TARGET NAMES: in the proxy, where it must hold, and in whatever calls the service
  own="$(ids "$1" | tr '\n' ' ')"
  for caller in $(others); do
    at=$(address "$caller" "$2")
    [ -n "$at" ] || continue
    hosts "$caller" "$1" "$at $3" || [ "$caller" != "$FRONT" ] || return 1
  done; }
unpin() { own=; for caller in $(others); do hosts "$caller" "$1" || true; done; }
workers() { docker exec "$FRONT" sh -c 'for p in /proc/[0-9]*; do
  [ "$(cat "$p/comm" 2>/dev/null)" = nginx ] || continue
  case $(tr "\0" " " < "$p/cmdline" 2>/dev/null) in *"worker process"*) basename "$p" ;; esac; done' | sort; }
reload() { # 1 when nginx refuses its configuration, which it then does not use
  before=$(workers)
  docker exec "$FRONT" nginx -t > "$SCRATCH/nginx.out" 2>&1 || return 1
  docker exec "$FRONT" nginx -s reload > "$SCRATCH/nginx.out" 2>&1 || return 1
  tries=0
  while [ "$tries" -lt 100 ]; do
    for worker in $(workers); do case " $(echo $before) " in *" $worker "*) ;; *) return 0 ;; esac; done
    tries=$((tries + 1)); sleep 0.05
  done
  return 1; }
drain() { # SECONDS: until the workers of before the last reload have finished what they serve
  begin=$(seconds)
  while :; do
    left=; now=" $(workers | tr '\n' ' ') "
    for worker in $before; do case $now in *" $worker "*) left=yes ;; esac; done
    [ -n "$left" ] || return 0
    [ "$(awk -v a="$begin" -v b="$(seconds)" -v l="$1" 'BEGIN { print (b - a >= l) }')" = 0 ] || return 0
    sleep 0.1
  done; }
ask() { # ORIGIN URL-PATH: status of an answer through the proxy, 000 for none
  called=$(basename "$1")
  if docker exec "$FRONT" sh -c 'command -v curl' > /dev/null 2>&1; then
    docker exec "$FRONT" curl -sk -o /dev/null -w '%{http_code}' --max-time 5 --resolve "$called:443:127.0.0.1" --resolve "$called:80:127.0.0.1" "$1$2" 2>/dev/null
  elif docker exec "$FRONT" wget -q -T 5 -O /dev/null --header "Host: $called" "http://127.0.0.1$2" > /dev/null 2>&1; then echo 200
  else echo 000; fi; }
serves() { # whether every origin answers through the proxy without an error of the server's
  for origin in $ORIGINS; do
    status=$(ask "$origin" "$HEALTH")
    case $status in 2*|3*|4*) ;; *) printf '%s answers %s through the proxy\n' "$origin" "$status" > "$SCRATCH/test.out"; return 1 ;; esac
  done; }
steady() { # CONTAINER TEST...: runs, never restarted, healthy, and the site answers
  box=$1; shift
  [ "$(docker inspect -f '{{.State.Status}} {{.RestartCount}}' "$box" 2>/dev/null)" = 'running 0' ] || { echo 'it stopped or restarted' > "$SCRATCH/test.out"; return 1; }
  [ $# -eq 0 ] || timeout 10 docker exec "$box" "$@" > "$SCRATCH/test.out" 2>&1 </dev/null || return 1
  serves; }
bake() { # SECONDS CONTAINER TEST...
  span=$1; shift; since=$(seconds)
  while :; do
    [ ! -f "$SCRATCH/cancel" ] || { echo 'the run was cancelled' > "$SCRATCH/test.out"; return 1; }
    steady "$@" || return 1
    [ "$(awk -v a="$since" -v b="$(seconds)" -v l="$span" 'BEGIN { print (b - a >= l) }')" = 0 ] || return 0
    sleep 0.25
  done; }
`
