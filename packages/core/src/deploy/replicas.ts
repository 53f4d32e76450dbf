import type { Project } from '../app/compose.ts'
import type { Manifest } from '../release/manifest.ts'
import type { Facts } from './facts.ts'

/** How many containers of a service there are to be, by its name; undefined: as many as there are. */
export type Replicas = ReadonlyMap<string, number>

/** How many containers of which service the compose file says that there are to be. */
export function declaredReplicas({ services }: Project): Record<string, number> {
  const numbers = Object.entries(services).flatMap(([name, { deploy, scale }]) => {
    const number = deploy?.replicas ?? scale
    return number === undefined ? [] : [[name, number] as const]
  })
  return Object.fromEntries(numbers)
}

/**
 * How many containers of each service a release is to have: what its compose file says, and one where
 * only that of the release which serves said more. A service that neither speaks of may have been
 * scaled by hand and is not named.
 */
export function chooseReplicas(
  project: Project,
  served: Pick<Manifest, 'replicas'> | undefined
): Replicas {
  const withdrawn = Object.keys(served?.replicas ?? {}).map(name => [name, 1] as const)
  return new Map([...withdrawn, ...Object.entries(declaredReplicas(project))])
}

/**
 * The same for a way back after a release that may have changed the numbers: what the compose file
 * does not say is as it was before, when `facts` were read.
 */
export function formerReplicas(
  project: Project,
  { containers }: Pick<Facts, 'containers'>
): Replicas {
  const before = new Map<string, number>()
  for (const { service } of containers) before.set(service, (before.get(service) ?? 0) + 1)
  return new Map([...before, ...Object.entries(declaredReplicas(project))])
}
