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
 * Shell functions of the probes. `boxes` prints a line for each container of the app (id, name, status,
 * health, exit code, restarts, whether it is one-off, image, mounts, `@cmd` and its command as JSON);
 * `shown` takes secret values out of what is shown, those of `.env` and of the containers' own
 * variables, and passwords in addresses. Each call of docker costs a process that a busy server has
 * little time for: what several probes need is asked once, by `LIST_PROBE`.
 */
export const FUNCTIONS = `${REDACT}
boxes() { cat "$SCRATCH/boxes"; }
shown() {
  # Without .env its secrets would not be known.
  if [ -f "$P/.env" ] && [ ! -r "$P/.env" ]; then echo '(not shown: .env may not be read)'; return; fi
  SECRETS=$SCRATCH/known redact | sed -E 's#://([^/:@ ]*):[^@/ ]+@#://\\1:***@#g' | tr -d '\\r' | cut -c 1-300; }
quick() { timeout 20 docker "$@" < /dev/null; }
complaints() { grep -iE '${COMPLAINTS.join('|')}'; }
`

const LINE = [
  '{{.ID}} {{.Name}} {{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}',
  '{{.State.ExitCode}} {{.RestartCount}} {{or (index .Config.Labels "com.docker.compose.oneoff") "False"}}',
  '{{.Config.Image}}{{range .Mounts}} {{.Destination}}{{end}} @cmd {{json .Config.Cmd}}'
].join(' ')

/** Lists what the other probes ask about; must come first. */
export const LIST_PROBE = {
  list: `app=$(project); : > "$SCRATCH/boxes"; : > "$SCRATCH/env"
ids=$([ -z "$app" ] || docker ps -aq --no-trunc --filter "label=com.docker.compose.project=$app")
if [ -n "$ids" ]; then
  docker inspect -f '${LINE}' $ids | sed 's# /# #' > "$SCRATCH/boxes"
  docker inspect -f '{{$name := .Name}}{{range .Config.Env}}{{println $name .}}{{end}}' $ids | sed -n 's#^/##p' > "$SCRATCH/env"
fi
{ cat "$P"/.env "$P"/.env.* "$P"/*.env 2> /dev/null; sed 's/^[^ ]* //' "$SCRATCH/env"; } > "$SCRATCH/known"`
}
