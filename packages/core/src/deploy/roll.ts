import { dependencies, readsFile } from '../app/compose.ts'
import { quote } from '../base/shell.ts'
import { BAKE_FUNCTIONS } from './bakelibrary.ts'
import { startNeeded } from './commands.ts'
import { keepFiles, placeFiles } from './files.ts'
import { onHost, type Place } from './library.ts'
import { lookForLeft, replaceScript, reportLeft, tagImage } from './recreate.ts'
import { ROLL_FUNCTIONS } from './rolllibrary.ts'
import { type Roll, rollService } from './rollservice.ts'
import { startOrder, type Target } from './target.ts'

/**
 * Makes a release live without a gap: services that are replaced stop-first, such as workers, then
 * each rolled service by a bridge, in the reverse order on a way back; the proxy's own container
 * last, when it must.
 *
 * A failure while the old container still runs points the proxy back to it and says `@back`;
 * after that the bridge goes on serving until another run has put something healthy in its place.
 */
export function rollScript(place: Place, target: Target, roll: Roll): string {
  const { project, built, proxy } = target
  const chosen = (how: string) =>
    startOrder(
      project,
      built.filter(name => roll.tactics.get(name)?.how === how)
    )
  const rolled = roll.back ? chosen('roll').reverse() : chosen('roll')
  const stopped = chosen('stop-first')
  const last = proxy !== undefined && roll.replaceProxy && !built.includes(proxy) ? [proxy] : []
  const others = Object.keys(project.services).filter(
    name => !built.includes(name) && name !== proxy
  )
  const before = dependencies(project, built).filter(name => others.includes(name))
  const after = others.filter(name => !before.includes(name))
  const stop = (names: readonly string[]) => replaceScript(target, names, roll)
  const parts = [
    stopped.length > 0
      ? `replaced=yes\n${tagImage(target, stopped)}\n${stop(stopped)}\n${stopped.map(sweep).join('\n')}`
      : '',
    ...rolled.map(name => rollService(name, target, roll))
  ]
  // What only the proxy reads comes with the reload; what a new container reads is there before it.
  const own = (path: string) =>
    built.some(name => readsFile(project, name, `${place.path}/${path}`))
  return onHost(
    place,
    `FRONT=$(ids ${quote(proxy ?? '')} | head -n 1)
${ROLL_FUNCTIONS}${BAKE_FUNCTIONS}
step roll
umask 022
HEALTH=${quote(roll.healthPath)} ORIGINS=${quote(roll.origins.join(' '))} DOORS=${quote(doors(target).join(' '))}
R="$P/releases/$RELEASE"
${lookForLeft(target, others)}
# Told after a failure while nothing was replaced yet and all is as it was.
UNDONE=${quote(rolledFirst(target, roll))} replaced=
undone() { [ -n "$replaced" ] || printf '@back %s\\n' "$UNDONE"; }
${startNeeded(target, before, roll.timeoutS)}
${keepFiles(target)}
place_files() {
${placeFiles(place.release, target)}
}
${placeFiles(place.release, { ...target, liveFiles: only(target.liveFiles, own), staleFiles: new Map() })}
${(roll.back ? [...parts.slice(1), parts[0]] : parts).join('\n')}
place_files
${rolled.length === 0 && proxy !== undefined && !roll.replaceProxy ? RELOAD_ONLY : ''}
${last.length > 0 ? stop(last) : ''}
${startNeeded(target, after, roll.timeoutS)}
${reportLeft(others)}`
  )
}

/** By this name a caller knows that a roll has undone all that it did. */
function rolledFirst({ built }: Target, { tactics }: Roll): string {
  return built.find(name => tactics.get(name)?.how === 'roll') ?? 'reload'
}

/** A bridge may be left of a run that broke off just when the real container was gone. */
function sweep(name: string): string {
  const word = quote(name)
  return `[ -z "$(bridges ${word})" ] || { unpin ${word}; reload; drain 10 $(bridges ${word}); remove_bridges ${word}; }`
}

const RELOAD_ONLY = `if [ -n "$FRONT" ]; then
  reload || { show 'the proxy said:' < "$SCRATCH/front.out"; files_back; env_back; undone; fail "$FRONT_KIND refuses the configuration of this release"; }
fi`

function only<T>(map: ReadonlyMap<string, T>, wanted: (key: string) => boolean): Map<string, T> {
  return new Map([...map].filter(([key]) => wanted(key)))
}

/** On which port of its container the proxy answers for which scheme. */
export function doors({ project, proxy }: Pick<Target, 'project' | 'proxy'>): string[] {
  const ports = proxy === undefined ? [] : (project.services[proxy]?.ports ?? [])
  const known = ports.flatMap(({ target, published }) =>
    published === '80' ? `http:${target}` : published === '443' ? `https:${target}` : []
  )
  return known.length > 0 ? known : ports.slice(0, 1).map(({ target }) => `http:${target}`)
}
