import { PIN_FUNCTIONS } from '../proxy/pins.ts'
import { RELOAD_FUNCTIONS } from '../proxy/reload.ts'

/**
 * Shell functions of a roll, beside those of every script: pins, reloads of the proxy, and questions
 * through it. `$DOORS` says on which port of its container the proxy answers for port 80 and 443,
 * as `http:80 https:443`.
 */
export const ROLL_FUNCTIONS = `${PIN_FUNCTIONS}${RELOAD_FUNCTIONS}
bridges() { # [SERVICE]
  docker ps -aq --no-trunc --filter "label=com.docker.compose.project=$N" --filter "label=com.docker.compose.service\${1:+=$1}" --filter label=com.docker.compose.oneoff=True --filter name=_bridge-; }
remove_bridges() { # [SERVICE]: also past a restart of the engine; 1 when they are there still
  tries=0
  until gone=$(bridges "$1" 2> /dev/null) && [ -z "$gone" ]; do
    [ "$tries" -lt 90 ] || return 1
    [ "$tries" -lt 2 ] || sleep 1
    [ -z "$gone" ] || { docker stop $gone; docker rm -f $gone; } > /dev/null 2>&1
    tries=$((tries + 1))
  done; }
port_of() { for door in $DOORS; do case $door in "$1":*) echo "$door" | cut -d : -f 2; break ;; esac; done; }
at_port() { [ -z "$2" ] || echo "$1:$2"; }
ask() { # ORIGIN PATH: status of an answer through the proxy
  name=$(basename "$1"); scheme=$(echo "$1" | cut -d : -f 1); port=$(port_of "$scheme"); plain=$(port_of http)
  status=$(fetch "$name" "$scheme" "127.0.0.1:$port" "$2" "$(at_port 127.0.0.1 "$plain")")
  case $status in
    none|'') at=$(networks "$FRONT" | awk 'NF == 2 { print $2; exit }')
      status=$(sh -c "$FETCH" sh "$name" "$scheme" "$at:$port" "$2" "$(at_port "$at" "$plain")") ;;
  esac
  echo "$status"; }
`
