import { dependencies } from '../app/compose.ts'
import type { ReleaseCommand } from '../app/config.ts'
import { quote } from '../base/shell.ts'
import { testCommand, unescapeDollars } from '../health/container.ts'
import { onHost, type Place } from './library.ts'
import { isOneShot, type Target } from './target.ts'

/**
 * Runs the release commands in the new image, each as a container of its own name whose exit code
 * the engine keeps, after the services they depend on are ready. Live containers are not touched.
 */
export function commandsScript(
  place: Place,
  target: Target,
  commands: readonly ReleaseCommand[],
  timeoutS: number
): string {
  const services = [...new Set(commands.map(({ service }) => service))]
  const needed = dependencies(target.project, services).filter(name => !target.built.includes(name))
  return onHost(
    { ...place, compose: `releases/${place.release}/${place.compose}` },
    `step release
dc() { docker compose --project-directory "$P" -p "$N" -f "$C" "$@" </dev/null; }
${startNeeded(target, needed, timeoutS)}
${commands.map((one, index) => runOne(target.image, place.release, one, index + 1)).join('\n')}`
  )
}

/** Brings up those of the given services that do not run, and waits until all are ready. */
export function startNeeded(target: Target, needed: readonly string[], timeoutS: number): string {
  if (needed.length === 0) return ''
  const waits = needed.map(name => {
    const word = quote(name)
    if (isOneShot(target.project, name))
      return `! idle ${word} || must_complete ${timeoutS} ${word}`
    const test = testWords(target.project.services[name]?.healthcheck?.test)
    const wait = `must_be_ready ${timeoutS} ${word} ${test}`
    // Without a test all there is to see is that it keeps running, which one that ran before does.
    return test === '' ? `! idle ${word} || ${wait}` : wait
  })
  return `running=" $(docker ps --filter "label=com.docker.compose.project=$N" --format '{{.Label "com.docker.compose.service"}}' | tr '\\n' ' ')"
idle() { case $running in *" $1 "*) return 1 ;; esac; }
wanted=$(for each in ${needed.map(quote).join(' ')}; do ! idle "$each" || printf '%s ' "$each"; done)
[ -z "$wanted" ] || dc up -d --no-recreate --no-build --pull never --quiet-pull $wanted > "$SCRATCH/up.out" 2>&1 || {
  show 'compose said:' < "$SCRATCH/up.out"; fail 'the services that the app needs did not start'; }
${waits.join('\n')}`
}

/** A health test as quoted words of a command; nothing when there is none. */
export function testWords(test: readonly string[] | null | undefined): string {
  return unescapeDollars(testCommand(test) ?? [])
    .map(quote)
    .join(' ')
}

function runOne(
  image: string,
  release: string,
  { service, command }: ReleaseCommand,
  number: number
): string {
  // Compose itself splits the command, as it does for one in the compose file; JSON is YAML, too.
  const override = JSON.stringify({
    services: {
      [service]: { image, pull_policy: 'never', command: command.replaceAll('$', '$$$$') }
    }
  })
  return `box="$N"_release_${release}_${number}
note ${quote(`${service}: ${command}`)}
docker compose --project-directory "$P" -p "$N" -f "$C" -f - run -d --no-deps --name "$box" ${quote(service)} > "$SCRATCH/run.out" 2>&1 <<'OVERRIDE' || {
${override}
OVERRIDE
  show 'compose said:' < "$SCRATCH/run.out"; docker rm -f "$box" > /dev/null 2>&1; fail ${quote(`release command '${command}' could not be started`)}; }
docker logs -f "$box" 2>&1 | redact | sed 's/^/@out /'
code=$(docker wait "$box")
[ "$code" = 0 ] || { docker logs --tail 40 "$box" 2>&1 | show 'its last lines:'; docker rm -f "$box" > /dev/null; fail ${quote(`release command '${command}' in service '${service}' failed with exit code`)} "$code"; }
docker rm "$box" > /dev/null`
}
