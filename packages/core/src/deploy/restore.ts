import type { Project } from '../app/compose.ts'
import { proxyService } from '../app/compose.ts'
import type { Manifest } from '../release/manifest.ts'
import { type Host, mustRun } from '../ssh/host.ts'
import { type Facts, keptConfigScript } from './facts.ts'
import type { Place } from './library.ts'
import type { Target } from './target.ts'

/**
 * The target that brings a kept release back: its image, its files and its compose file as the
 * host's own compose resolves it, with the nginx variant that serves today (today's certificates
 * decide that, not those of the day of the release).
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
  const { service, http, https } = manifest.proxy
  const variant = facts.current?.variant ?? manifest.variant
  return {
    image: manifest.image,
    project,
    built: manifest.services,
    proxy: proxyService(project, service),
    variant,
    variantReason: undefined,
    liveFiles: new Map(Object.entries(manifest.files)),
    staleFiles: new Map([...failed.liveFiles].filter(([path]) => !(path in manifest.files))),
    variantFiles: https !== undefined,
    variantFile: variant === 'http' && http && https ? [http, https] : undefined,
    environment: { add: [], generate: [], follow: [] },
    follow: manifest.env.follow
  }
}
