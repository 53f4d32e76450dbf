import { REDACT } from '../deploy/library.ts'

/** Matches a line in which a program complains of something that the rows know. */
export const COMPLAINTS = [
  'authentication failed',
  'role ".*" does not exist',
  'database ".*" does not exist',
  'could not translate host name',
  'name or service not known',
  'temporary failure in name resolution',
  'ENOTFOUND',
  'EAI_AGAIN',
  'no such host',
  'host not found in upstream',
  'connection refused',
  'ECONNREFUSED',
  'WRONGPASS',
  'NOAUTH',
  'too many clients',
  'remaining connection slots'
]

/**
 * Shell functions of the probes: `boxes` are the app's containers, one-off ones included; `shown`
 * takes secret values out of what is shown, those of `.env` and of the containers' own variables,
 * and passwords in addresses; `remember` must run before it.
 */
export const FUNCTIONS = `${REDACT}
boxes() { app=$(project); [ -z "$app" ] || docker ps -q --no-trunc "$@" --filter "label=com.docker.compose.project=$app"; }
remember() {
  cat "$P"/.env "$P"/.env.* "$P"/*.env 2> /dev/null
  ids=$(boxes -a)
  [ -z "$ids" ] || docker inspect -f '{{range .Config.Env}}{{println .}}{{end}}' $ids; }
shown() {
  # Without .env its secrets would not be known.
  if [ -f "$P/.env" ] && [ ! -r "$P/.env" ]; then echo '(not shown: .env may not be read)'; return; fi
  SECRETS=$SCRATCH/known redact | sed -E 's#://([^/:@ ]*):[^@/ ]+@#://\\1:***@#g' | tr -d '\\r' | cut -c 1-300; }
quick() { timeout 10 docker "$@" < /dev/null; }
complaints() { grep -iE '${COMPLAINTS.join('|')}'; }
`

/** Must come before every probe that uses `shown`. */
export const REMEMBER_PROBE = { known: 'remember > "$SCRATCH/known"' }
