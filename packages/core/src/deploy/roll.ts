import { dependencies } from '../app/compose.ts'
import { quote } from '../base/shell.ts'
import { startNeeded } from './commands.ts'
import { keepFiles, placeFiles } from './files.ts'
import { onHost, type Place } from './library.ts'
import { readyTest, replaceScript, reportLeft, startService, tagImage } from './recreate.ts'
import { ROLL_FUNCTIONS } from './rolllibrary.ts'
import { namesOf, type Tactic } from './tactics.ts'
import { startOrder, type Target } from './target.ts'

/** What a roll needs to know beside the target. */
export interface Roll {
  tactics: ReadonlyMap<string, Tactic>
  /** Whether the proxy's own container must be made anew, which is a gap. */
  replaceProxy: boolean
  /** Health test that the image itself brings, in the form of the engine. */
  imageTest: string[] | null
  timeoutS: number
  bakeS: number
  /** Asked of each origin, such as `https://a.example`, through the proxy. */
  healthPath: string
  origins: readonly string[]
}

/** Longer than this no old worker of nginx is waited for; its connections are cut when web goes. */
export const DRAIN_S = 40

/**
 * Makes a release live without a gap: services that the proxy does not address first, stop-first;
 * then each rolled service by a bridge; the proxy's own container last, when it must.
 *
 * A failure while the old container still runs points the proxy back to it and says `@back`;
 * after that the bridge goes on serving until another run has put something healthy in its place.
 */
export function rollScript(place: Place, target: Target, roll: Roll): string {
  const { project, built, proxy } = target
  const rolled = startOrder(
    project,
    built.filter(name => roll.tactics.get(name)?.how === 'roll')
  )
  const stopped = startOrder(
    project,
    built.filter(name => roll.tactics.get(name)?.how === 'stop-first')
  )
  const last = proxy !== undefined && roll.replaceProxy && !built.includes(proxy) ? [proxy] : []
  const others = Object.keys(project.services).filter(
    name => !built.includes(name) && name !== proxy
  )
  const before = dependencies(project, built).filter(name => others.includes(name))
  const after = others.filter(name => !before.includes(name))
  const test = (name: string) => readyTest(target, name, roll.imageTest)
  const stop = (names: readonly string[]) => replaceScript(target, names, roll)
  return onHost(
    place,
    `${ROLL_FUNCTIONS}
step roll
umask 022
HEALTH=${quote(roll.healthPath)} ORIGINS=${quote(roll.origins.join(' '))}
FRONT=$(ids ${quote(proxy ?? '')} | head -n 1)
R="$P/releases/$RELEASE"
${startNeeded(target, before, roll.timeoutS)}
${stopped.length > 0 ? `${tagImage(target, stopped)}\n${stop(stopped)}` : ''}
place_files() {
${placeFiles(place.release, target)}
}
${keepFiles(target)}
${rolled.map(name => rollOne(name)).join('\n')}
place_files
${rolled.length === 0 && proxy !== undefined && !roll.replaceProxy ? reloadOnly() : ''}
${last.length > 0 ? stop(last) : ''}
${startNeeded(target, after, roll.timeoutS)}
${reportLeft(others)}`
  )

  function rollOne(name: string): string {
    const word = quote(name)
    const names = quote(namesOf(project, name).join(' '))
    const override = JSON.stringify({
      services: { [name]: { image: target.image, pull_policy: 'never' } }
    })
    return `step 'roll ${name}'
real=$(ids ${word} | head -n 1)
bridge="$(docker inspect -f '{{slice .Name 1}}' "$real")_bridge"
docker rm -f "$bridge-$RELEASE" > /dev/null 2>&1
# What serves now goes on serving: the real container, or the bridge that an earlier run left when
# the real one could not take over from it.
serving=$real
left=$(docker ps -q --no-trunc --filter "name=$bridge-" | head -n 1)
[ -z "$left" ] || wait_ready 2 "$real" ${test(name)} || serving=$left
pin ${word} "$serving" ${names} || fail ${quote(`/etc/hosts of service '${proxy}' cannot be written; use strategy: recreate`)}
docker compose --project-directory "$P" -p "$N" -f "$R/$C" -f - run -d --no-deps --use-aliases --name "$bridge-$RELEASE" ${word} > "$SCRATCH/run.out" 2>&1 <<'OVERRIDE' || {
${override}
OVERRIDE
  show 'compose said:' < "$SCRATCH/run.out"; docker rm -f "$bridge-$RELEASE" > /dev/null 2>&1; unpin ${word}; env_back; printf '@back %s\\n' ${word}; fail ${quote(`the bridge of service '${name}' could not be started`)}; }
new=$(docker inspect -f '{{.Id}}' "$bridge-$RELEASE")
docker update --restart unless-stopped "$new" > /dev/null
back() { # WHY: the old container takes over again
  pin ${word} "$serving" ${names}; files_back; env_back; printf '@back %s\\n' ${word}
  # What the bridge still answers is answered to its end.
  reload && drain ${DRAIN_S}
  explain "$new"; docker rm -f "$new" > /dev/null 2>&1; unpin ${word}; fail "$1"; }
wait_ready ${roll.timeoutS} "$new" ${test(name)}
case $? in
  0) ;;
  1) back ${quote(`service '${name}' was not healthy within ${roll.timeoutS} s`)} ;;
  *) back "service '${name}' ended by itself with exit code $(docker inspect -f '{{.State.ExitCode}}' "$new") before it was healthy" ;;
esac
note ${quote(`the bridge of ${name} is healthy`)}
${roll.replaceProxy ? '' : 'place_files'}
pin ${word} "$new" ${names} && reload || { show 'nginx said:' < "$SCRATCH/nginx.out"; back 'nginx refuses the configuration of this release'; }
step 'bake ${name}'
bake ${roll.bakeS} "$new" ${test(name)} || { show 'while it was watched:' < "$SCRATCH/test.out"; back ${quote(`service '${name}' did not stay healthy while it was watched`)}; }
step 'replace ${name}'
drain ${DRAIN_S}
${tagImage(target, [name])}
dc rm -sf ${word} > "$SCRATCH/up.out" 2>&1 && dc create --no-recreate --no-build --pull never ${word} >> "$SCRATCH/up.out" 2>&1 || {
  show 'compose said:' < "$SCRATCH/up.out"; fail ${quote(`service '${name}' could not be made anew; its bridge serves`)}; }
${startService(name)}
must_be_ready ${roll.timeoutS} ${word} ${test(name)}
pin ${word} "$(ids ${word} | head -n 1)" ${names} && reload || fail ${quote(`nginx could not be pointed to service '${name}'; its bridge serves`)}
serves || { show 'the site says:' < "$SCRATCH/test.out"; fail ${quote(`the site does not answer after service '${name}' was replaced`)}; }
drain ${DRAIN_S}
docker ps -aq --filter "name=$bridge-" | xargs -r docker stop > /dev/null 2>&1
docker ps -aq --filter "name=$bridge-" | xargs -r docker rm -f > /dev/null 2>&1
unpin ${word}`
  }

  function reloadOnly(): string {
    return `if [ -n "$FRONT" ]; then
  reload || { show 'nginx said:' < "$SCRATCH/nginx.out"; files_back; env_back; printf '@back %s\\n' reload; fail 'nginx refuses the configuration of this release'; }
fi`
  }
}
