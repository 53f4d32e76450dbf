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
  return keptTarget(manifest, project, facts.current, Object.fromEntries(failed.liveFiles))
}

/**
 * The target that a kept release is, with the nginx variant and the variables that follow it as they
 * are today. `there` are the files that stand in the app's folder for the release that goes.
 */
export function keptTarget(
  manifest: Manifest,
  project: Project,
  current: Manifest | undefined,
  there: Readonly<Record<string, string>>
): Target {
  const { service, http, https } = manifest.proxy
  const variant = current?.variant ?? manifest.variant
  const variantFile: Target['variantFile'] =
    variant === 'http' && http && https ? [http, https] : undefined
  const liveFiles = new Map(Object.entries(manifest.files))
  if (variantFile) liveFiles.set(variantFile[1], liveFiles.get(variantFile[0]) as string)
  return {
    image: manifest.image,
    project,
    built: manifest.services,
    proxy: proxyService(project, service),
    variant,
    variantReason: undefined,
    liveFiles,
    staleFiles: new Map(Object.entries(there).filter(([path]) => !liveFiles.has(path))),
    variantFiles: https !== undefined,
    variantFile,
    environment: { add: [], generate: [], follow: [] },
    follow: current?.env.follow ?? manifest.env.follow
  }
}
