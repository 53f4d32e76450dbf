import { quote } from '../base/shell.ts'
import { standIns } from './pairs.ts'
import type { Target } from './target.ts'

type Files = Pick<Target, 'liveFiles' | 'staleFiles' | 'pairs'>

/**
 * Puts the files of a release in place in the app's folder, the chosen nginx variants included, and
 * removes those of the release before that are no longer part of it, if nobody changed them since.
 */
export function placeFiles(release: string, { liveFiles, staleFiles, pairs }: Files): string {
  const from = (path: string) => `"$P/releases/"${quote(`${release}/${path}`)}`
  const replaced = standIns(pairs)
  const placed = [...liveFiles.keys()].map(path => {
    return `put ${from(replaced.get(path) ?? path)} "$P/"${quote(path)} || fail ${quote(`cannot write ${path}`)}`
  })
  const removed = [...staleFiles].map(
    ([path, hash]) =>
      `[ "$(sha256sum < "$P/"${quote(path)} 2>/dev/null)" != ${quote(`${hash}  -`)} ] || rm "$P/"${quote(path)}`
  )
  return [...placed, ...removed].join('\n')
}

/**
 * Shell function `files_back`, which undoes `placeFiles`, and what it needs: copies of the files
 * that are replaced or removed, and the names of those that were not there.
 */
export function keepFiles({ liveFiles, staleFiles }: Files): string {
  const paths = [...liveFiles.keys(), ...staleFiles.keys()].map(quote).join(' ')
  return `mkdir -p "$SCRATCH/files" && : > "$SCRATCH/added"
for path in ${paths}; do
  if [ -f "$P/$path" ]; then mkdir -p "$(dirname "$SCRATCH/files/$path")" && cp -p "$P/$path" "$SCRATCH/files/$path"
  else printf '%s\\n' "$path" >> "$SCRATCH/added"; fi
done
files_back() {
  cp -R "$SCRATCH/files/." "$P/"
  while IFS= read -r path; do rm -f "$P/$path"; done < "$SCRATCH/added"; }`
}
