import type { Project } from '../app/compose.ts'
import type { Manifest } from '../release/manifest.ts'
import { type Host, mustRun } from '../ssh/host.ts'
import type { Facts } from './facts.ts'
import type { Place } from './library.ts'
import { keptConfigScript } from './resolve.ts'
import { keptTarget, type Target } from './target.ts'

/**
 * The target that brings a kept release back: its image, its files and its compose file as the
 * host's own compose resolves it. What served over HTTP only goes on so, and HTTPS stays unless its
 * certificates are gone: a way back leads to what was seen to work.
 */
export async function previousTarget(
  host: Host,
  place: Place,
  manifest: Manifest,
  facts: Facts,
  failed: Target
): Promise<Target> {
  const { stdout } = await mustRun(
    host,
    `reading release ${manifest.id}`,
    keptConfigScript(place.path, manifest.id, manifest.compose)
  )
  const project = JSON.parse(stdout) as Project
  return keptTarget(manifest, project, facts, Object.fromEntries(failed.liveFiles), 'as-it-was')
}
