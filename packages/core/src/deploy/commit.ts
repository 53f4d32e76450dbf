import { quote } from '../base/shell.ts'
import { keptImage } from '../release/identity.ts'
import { commitLine } from '../release/journal.ts'
import type { Manifest } from '../release/manifest.ts'
import { environmentStep } from './environment.ts'
import { installGate } from './gate.ts'
import { onHost, type Place, recordLine } from './library.ts'
import { DROP_RELEASE } from './recover.ts'
import { removeRelease } from './room.ts'
import type { Target } from './target.ts'

/** The journal is cut to half when it has so many lines, which is some hundred runs. */
const JOURNAL_LINES = 4000

/** Releases that stay: the new one, the one before it, and the newest up to `keep` in all. */
export function releasesToPrune(
  known: readonly Manifest[],
  live: Manifest,
  previous: string | undefined,
  keep: number
): Manifest[] {
  const others = known
    .filter(({ id }) => id !== live.id)
    .sort((a, b) => (a.id === previous ? -1 : b.id === previous ? 1 : b.id.localeCompare(a.id)))
  return others.slice(Math.max(keep - 1, previous === undefined ? 0 : 1))
}

/**
 * Records that a release is live (release.json, `current`, journal), renews what a key that may only
 * read runs, then prunes what no kept release refers to. Safe to run again. Only releases, images and versions of
 * .env that earlier runs of ours made are removed; a failure to remove is a warning.
 */
export function commitScript(
  place: Place,
  live: Manifest,
  pruned: readonly Manifest[],
  kept: readonly Manifest[],
  unfinished: readonly string[],
  run: string
): string {
  const release = `"$P/releases/"${quote(live.id)}`
  return onHost(
    place,
    `step commit
umask 077
{ cat > ${release}/release.json.new && mv ${release}/release.json.new ${release}/release.json; } <<'MANIFEST' || fail 'cannot write release.json'
${JSON.stringify(live, null, 2)}
MANIFEST
ln -sfn ${quote(`releases/${live.id}`)} current.new && mv -T current.new current || fail 'cannot switch current'
${recordLine(commitLine(run, live.id))}
${installGate(place.path)}
step prune
${pruned.map(one => removeRelease(place, one, [live, ...kept])).join('\n')}
${DROP_RELEASE}
${unfinished.map(id => `drop_release ${quote(id)}`).join('\n')}
[ "$(wc -l < .diveops/journal.jsonl)" -lt ${JOURNAL_LINES} ] || { tail -n ${JOURNAL_LINES / 2} .diveops/journal.jsonl > .diveops/journal.new && mv .diveops/journal.new .diveops/journal.jsonl; }
env_done`
  )
}

/**
 * Takes back what a run made before it failed, so that the host is as it was. `image` is removed,
 * too, unless a kept release is of it; undefined leaves it.
 */
export function discardScript(place: Place, services: readonly string[], image?: string): string {
  return onHost(
    place,
    `step discard
${services.map(name => `docker image rm ${quote(keptImage(place.project, name, place.release))} > /dev/null 2>&1`).join('\n')}
${image === undefined ? '' : `docker image rm ${quote(image)} > /dev/null 2>&1`}
rm -rf "$P/releases/"${quote(place.release)}
env_back`
  )
}

/** Puts .env back as it was before the run, and nothing else. */
export function environmentBackScript(place: Place): string {
  return onHost(place, 'step environment\nenv_back')
}

/** Sets the variables that follow the nginx variant where a release is put back with another one. */
export function followScript(place: Place, target: Target): string {
  return onHost(place, `${environmentStep(target)}\nrm -f .diveops/env.undo`)
}
