import { quote } from '../base/shell.ts'
import { keptImage } from '../release/identity.ts'
import type { Manifest } from '../release/manifest.ts'
import type { Facts } from './facts.ts'
import type { Place } from './library.ts'

/** Shell text that removes a kept release: its images, unless others are of the same, and its folder. */
export function removeRelease(
  { project }: Place,
  { id, image, services }: Manifest,
  others: readonly Manifest[]
): string {
  const tags = services.map(
    name => `docker image rm ${quote(keptImage(project, name, id))} > /dev/null 2>&1`
  )
  const shared = others.some(other => other.image === image)
  const word = quote(image)
  return [
    ...tags,
    ...(shared
      ? []
      : [
          `docker image rm ${word} > /dev/null 2>&1 || ! docker image inspect ${word} > /dev/null 2>&1 || note ${quote(`${image} is still in use and stays`)}`
        ]),
    `rm -rf "$P/releases/"${quote(id)}`
  ].join('\n')
}

/**
 * Releases that give way when the disk is too small for another image, the oldest first: never the
 * live one, the one before it, or the goal.
 */
export function yieldingReleases(
  { releases, current }: Pick<Facts, 'releases' | 'current'>,
  goal: string
): Manifest[] {
  const sorted = [...releases].sort((a, b) => a.id.localeCompare(b.id))
  const previous = sorted.findLast(({ id }) => current !== undefined && id < current.id)
  return sorted.filter(one => ![current?.id, previous?.id, goal].includes(one.id))
}

/**
 * Shell function `yield_one`, which removes the oldest release that may go and says so; 1 when there is
 * none (left).
 */
export function yieldOne(
  place: Place,
  releases: readonly Manifest[],
  yielding: readonly Manifest[]
): string {
  const blocks = yielding.map((one, index) => {
    const gone = yielding.slice(0, index + 1)
    const others = releases.filter(other => !gone.some(({ id }) => id === other.id))
    return `if [ -d "$P/releases/"${quote(one.id)} ]; then
${removeRelease(place, one, others)}
note ${quote(`warning: release ${one.id} was removed, because the disk is too small to keep it beside the new image`)}
return 0
fi`
  })
  return `yield_one() {\n${[...blocks, 'return 1'].join('\n')}\n}`
}

/** Prints the layers of images, one a line, the lowest one of each first. */
const LAYERS = `docker image inspect -f '{{range .RootFS.Layers}}{{println .}}{{end}}'`

/**
 * Shell function `spare_kb`: the kilobytes that the releases which may go free at most, so that none
 * of them goes in vain. What an image has of its own begins at its first layer that no release that
 * stays has; the engine tells sizes newest first, and those of steps without a layer are nought.
 */
export function spareKb(releases: readonly Manifest[], yielding: readonly Manifest[]): string {
  const staying = releases.filter(one => !yielding.includes(one))
  const words = (some: readonly Manifest[]) =>
    [...new Set(some.map(({ image }) => quote(image)))].join(' ')
  return `spare_kb() {
  ${LAYERS} ${words(staying)} > "$SCRATCH/staying" 2> /dev/null
  for each in ${words(yielding)}; do
    own=$(${LAYERS} "$each" 2> /dev/null | awk -v file="$SCRATCH/staying" '
      BEGIN { while ((getline line < file) > 0) stays[line] }
      NF && !($0 in stays) { own = 1 } NF && own { n++ } END { print n + 0 }')
    docker history --human=false --format '{{.Size}}' "$each" 2> /dev/null |
      awk -v own="$own" '$1 > 0 && n < own { n++; bytes += $1 } END { printf "%.0f\\n", bytes }'
  done | awk '{ bytes += $1 } END { print int(bytes / 1024) }'; }`
}
