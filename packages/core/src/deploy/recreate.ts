import { dependencies } from '../app/compose.ts'
import { quote } from '../base/shell.ts'
import { startNeeded, testWords } from './commands.ts'
import { placeFiles } from './files.ts'
import { onHost, type Place } from './library.ts'
import { healthTest } from './prepare.ts'
import { type Door, doorTest } from './probe.ts'
import { isOneShot, startOrder, type Target } from './target.ts'

/** What `recreate` needs to know beside the target. */
export interface Recreate {
  /** Health test that the image itself brings, in the form of the engine. */
  imageTest: string[] | null
  timeoutS: number
  /** For services that the proxy addresses: where. */
  doors: ReadonlyMap<string, Door>
  /** Asked of services without a health test. */
  healthPath: string
}

/**
 * Makes a release live, stop-first: files in place, the image under the name that the compose file
 * says, then the services of the built image and the proxy removed and made anew. Services with
 * the data are never recreated.
 */
export function recreateScript(place: Place, target: Target, options: Recreate): string {
  const { project, built, proxy } = target
  const replaced = startOrder(
    project,
    proxy === undefined ? built : [...new Set([...built, proxy])]
  )
  const others = Object.keys(project.services).filter(name => !replaced.includes(name))
  const before = dependencies(project, replaced).filter(name => others.includes(name))
  const after = others.filter(name => !before.includes(name))
  return onHost(
    place,
    `step recreate
umask 022
FRONT=$(ids ${quote(proxy ?? '')} | head -n 1)
${lookForLeft(target, others)}
${placeFiles(place.release, target)}
${tagImage(target, built)}
${startNeeded(target, before, options.timeoutS)}
${replaceScript(target, replaced, options)}
${startNeeded(target, after, options.timeoutS)}
${reportLeft(others)}`
  )
}

/** Gives the image the name that the compose file says, just before containers are made of it. */
export function tagImage({ image, project }: Target, names: readonly string[]): string {
  const wanted = new Set(names.flatMap(name => project.services[name]?.image ?? []))
  return [...wanted]
    .map(name => `docker tag ${quote(image)} ${quote(name)} || fail 'cannot tag the image'`)
    .join('\n')
}

/**
 * Removes the containers of services and makes them anew, in the order in which they can start.
 *
 * Containers are made by `create` and started by the engine: `up` would wait for the engine's own
 * health interval (30 s and more) while nothing serves, and `up --no-deps` of compose before 2.30
 * stores a configuration hash that makes the next plain `up -d` recreate them once more.
 */
export function replaceScript(
  target: Target,
  services: readonly string[],
  options: Recreate
): string {
  const { project } = target
  const { timeoutS } = options
  const replaced = startOrder(project, services)
  const words = replaced.map(quote).join(' ')
  return `dc rm -sf ${words} > "$SCRATCH/up.out" 2>&1 && dc create --no-recreate --no-build --pull never ${words} >> "$SCRATCH/up.out" 2>&1 || {
  show 'compose said:' < "$SCRATCH/up.out"; fail ${quote(`${replaced.join(', ')} could not be made anew`)}; }
${replaced.map(start).join('\n')}
step health
${replaced
  .filter(name => !isOneShot(project, name) && !awaited(name))
  .map(ready)
  .join('\n')}`

  function start(name: string): string {
    if (isOneShot(project, name)) {
      return `${startService(name)}\nmust_complete ${timeoutS} ${quote(name)}`
    }
    return awaited(name) ? `${startService(name)}\n${ready(name)}` : startService(name)
  }

  /** Whether another replaced service may only start once this one is healthy. */
  function awaited(name: string): boolean {
    return replaced.some(
      other => project.services[other]?.depends_on?.[name]?.condition === 'service_healthy'
    )
  }

  function ready(name: string): string {
    return `must_be_ready ${timeoutS} ${quote(name)} ${readyTest(target, name, options)}`
  }
}

/** Starts the containers of a service that were made for it. */
export function startService(name: string): string {
  return `for each in $(ids ${quote(name)}); do docker start "$each" > "$SCRATCH/up.out" 2>&1 || { show 'the engine said:' < "$SCRATCH/up.out"; fail ${quote(`service '${name}' could not be started`)}; }; done`
}

/**
 * The health test of a service as words for `probe`; the image's own only for what is built, and
 * without any the door by which the proxy reaches it. Empty when there is nothing to ask.
 */
export function readyTest(
  target: Target,
  name: string,
  { imageTest, doors, healthPath }: Recreate
): string {
  const image = target.built.includes(name) ? imageTest : null
  const words = testWords(healthTest(target.project.services[name], image))
  const door = doors.get(name)
  return words === '' && door ? doorTest(door, healthPath) : words
}

/**
 * Asks compose, beside what else goes on, for which of these services it would make containers anew;
 * `reportLeft` has the answer. That is `create`, because a dry `up` waits for the engine's health checks
 * (30 s and more), with the image by the name that is on the host already.
 */
export function lookForLeft({ image, built }: Target, others: readonly string[]): string {
  if (others.length === 0) return ''
  const services = Object.fromEntries(built.map(name => [name, { image, pull_policy: 'never' }]))
  return `docker compose --project-directory "$P" -p "$N" -f "$P/releases/$RELEASE/$C" -f - --dry-run create --pull never > "$SCRATCH/left.out" 2>&1 <<'OVERRIDE' & looking=$!
${JSON.stringify({ services })}
OVERRIDE`
}

/**
 * Names services whose own definition changed and that were left as they run, by what compose has
 * said: with the data in them, that is for a person to decide.
 */
export function reportLeft(others: readonly string[]): string {
  if (others.length === 0) return ''
  return `wait "$looking"; said=$(cat "$SCRATCH/left.out"); left=
for name in ${others.map(quote).join(' ')}; do
  for each in $(ids "$name"); do
    case $said in *"Container $(docker inspect -f '{{slice .Name 1}}' "$each")  Recreate"*) left="$left $name" ;; esac
  done
done
[ -z "$left" ] || note "warning: the definition of$left changed and the running one was left, with what depends on it; to apply it: docker compose -f $C up -d"`
}
