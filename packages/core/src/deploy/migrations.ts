import { dependencies } from '../app/compose.ts'
import { DJANGO_PROGRAM } from '../app/djangoprogram.ts'
import { type Inquiry, readDjango, readNames, type Schema } from '../app/migrations.ts'
import { command, quote } from '../base/shell.ts'
import { startNeeded } from './commands.ts'
import { onHost, type Place } from './library.ts'
import type { Target } from './target.ts'

/** An image that cannot be asked within this time is taken as one that does not answer. */
const PATIENCE_S = 120

/**
 * Asks the image of a release which migrations are pending, in a container of its own that starts
 * with the given words in place of the image's entrypoint, which may migrate. What the service
 * depends on is brought up first, as for release commands. Never fails because of the answer: what
 * was wrong is then told instead, for `readSchema`.
 */
export function askScript(place: Place, target: Target, asked: Inquiry, timeoutS: number): string {
  const { service } = asked
  const needed = dependencies(target.project, [service]).filter(
    name => !target.built.includes(name)
  )
  const override = { services: { [service]: { image: target.image, pull_policy: 'never' } } }
  return onHost(
    { ...place, compose: `releases/${place.release}/${place.compose}` },
    `step migrations
dc() { docker compose --project-directory "$P" -p "$N" -f "$C" "$@" </dev/null; }
${startNeeded(target, needed, timeoutS)}
box="$N"_migrations_$RELEASE
cat > "$SCRATCH/ask.yml" <<'OVERRIDE'
${JSON.stringify(override)}
OVERRIDE
ask() { # ENTRYPOINT WORDS...: its output is in ask.out
  docker ps -aq --filter "name=_migrations_" --filter "label=com.docker.compose.project=$N" | xargs -r docker rm -f > /dev/null 2>&1
  entry=$1; shift
  dc -f "$SCRATCH/ask.yml" run -d -T --no-deps --name "$box" --entrypoint "$entry" ${quote(service)} "$@" > "$SCRATCH/ask.err" 2>&1 || return
  code=$(timeout ${PATIENCE_S} docker wait "$box") || code='none within ${PATIENCE_S} s'
  docker logs "$box" > "$SCRATCH/ask.out" 2> "$SCRATCH/ask.err"
  docker rm -f "$box" > /dev/null 2>&1
  [ "$code" = 0 ]; }
unasked() { printf '@unasked %s\\n' "$(redact < "$SCRATCH/ask.err" | grep . | tail -n 1)"; }
${asked.by === 'django' ? askDjango(asked) : askCommands(asked)}`
  )
}

function askDjango({ words, database }: Inquiry & { by: 'django' }): string {
  const program = `ALIAS = ${JSON.stringify(database)}\n${DJANGO_PROGRAM}`
  return `if ask ${command([...words, '-c', program])}; then
  printf '@django %s\\n' "$(sed -n 's/^diveops-migrations //p' "$SCRATCH/ask.out" | tail -n 1)"
else unasked; fi`
}

function askCommands({ pending, applied }: Inquiry & { by: 'commands' }): string {
  const one = (name: string, text: string) =>
    `ask sh -c ${quote(text)} && printf '@${name} %s\\n' "$(base64 < "$SCRATCH/ask.out" | tr -d '\\n')"`
  const both = [one('pending', pending), ...(applied ? [one('applied', applied)] : [])]
  return `{ ${both.join(' && ')}; } || unasked`
}

/** What the image said, or why it could not be asked. */
export function readSchema(said: ReadonlyMap<string, string>): Schema | { unasked: string } {
  const text = (name: string) => {
    const found = said.get(name)
    return found === undefined ? undefined : Buffer.from(found, 'base64').toString()
  }
  const unasked = said.get('unasked')
  if (unasked !== undefined) return { unasked: unasked || 'it said nothing' }
  const pending = text('pending')
  if (pending !== undefined) return readNames(pending, text('applied'))
  return readDjango(said.get('django') ?? '') ?? { unasked: 'it did not print what was expected' }
}
