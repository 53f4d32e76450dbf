import { type Project, readsFile, type Service } from '../app/compose.ts'
import type { AppConfig } from '../app/config.ts'
import { sha256 } from '../base/hash.ts'
import { readUpstreams } from '../proxy/upstreams.ts'
import type { Facts } from './facts.ts'
import { changedFiles, isOneShot, type Target } from './target.ts'

/** How a service of the new release takes the place of the old one. */
export type Tactic = { how: 'keep' } | { how: 'roll' } | { how: 'stop-first'; why: string }

/** How a release is made live: by rolls where that is possible, or all at once with a gap. */
export type Strategy = 'roll' | 'recreate'

/** What one web process more may take beside what one takes now. */
const MEMORY_FACTOR = 1.3

/** How the parts of a release are made live. */
export interface Tactics {
  /** For each service of the built image. */
  services: ReadonlyMap<string, Tactic>
  replaceProxy: boolean
  /** Services that are left running although a file that they read changes. */
  outdated: ReadonlySet<string>
}

/**
 * How each service of the built image is replaced: kept when nothing of it changed, rolled when the
 * proxy addresses it by a name that a pin can hold, otherwise stop-first with the reason. `force`
 * is for a way back: what was read before the failed release came then counts for nothing.
 */
export function chooseTactics(
  target: Target,
  facts: Facts,
  config: AppConfig,
  { strategy, force = false }: { strategy: Strategy; force?: boolean }
): Tactics {
  const { built, proxy, project } = target
  const others = Object.keys(project.services).filter(
    name => !built.includes(name) && name !== proxy
  )
  return {
    services: new Map(built.map(name => [name, tactic(name)])),
    replaceProxy: mustReplaceProxy(target, facts, strategy),
    outdated: new Set(others.filter(name => readsChangedFile(name, target, facts, config.path)))
  }

  function tactic(name: string): Tactic {
    if (strategy === 'roll' && !force && !isChanged(name, target, facts, config.path)) {
      return { how: 'keep' }
    }
    const why = obstacle(name, target, facts, config, strategy)
    return why === undefined ? { how: 'roll' } : { how: 'stop-first', why }
  }
}

/** Whether the proxy's own container must be made anew, which is a gap of a second or so. */
function mustReplaceProxy(target: Target, facts: Facts, strategy: Strategy): boolean {
  const { proxy } = target
  if (proxy === undefined || target.built.includes(proxy)) return false
  if (strategy === 'recreate' || facts.nginx === undefined) return true
  return facts.current?.definitions[proxy] !== definitionHash(target, proxy)
}

/** A hash of a service as the host's compose resolves it; tells whether its definition changed. */
export function definitionHash({ project }: Target, name: string): string {
  return sha256(JSON.stringify(project.services[name] ?? null))
}

function isChanged(name: string, target: Target, facts: Facts, path: string): boolean {
  const { broken, current, env, containers } = facts
  const { add, generate } = target.environment
  return (
    broken !== undefined ||
    current?.image !== target.image ||
    current.definitions[name] !== definitionHash(target, name) ||
    current.env.sha256 !== env?.sha256 ||
    JSON.stringify(current.env.follow) !== JSON.stringify(target.follow) ||
    add.length + generate.length > 0 ||
    readsChangedFile(name, target, facts, path) ||
    !containers.some(
      ({ service, imageId, state }) =>
        service === name && imageId === current.imageId && state === 'running'
    )
  )
}

/** Whether a service reads a file that this release changes; a running container may not notice. */
function readsChangedFile(name: string, target: Target, facts: Facts, path: string): boolean {
  const files = [...changedFiles(target, facts), ...target.staleFiles.keys()]
  return files.some(file => readsFile(target.project, name, `${path}/${file}`))
}

function obstacle(
  name: string,
  { project, proxy }: Target,
  facts: Facts,
  config: AppConfig,
  strategy: Strategy
): string | undefined {
  const one = project.services[name] as Service
  const running = facts.containers.filter(
    ({ service, state }) => service === name && state === 'running'
  )
  if (strategy === 'recreate') return 'strategy: recreate'
  if (config.stopFirst.includes(name)) return 'stop-first in diveops.yml'
  if (isOneShot(project, name)) return 'it runs once and ends'
  if (running.length === 0) return 'it does not run yet'
  if (running.length > 1) return `${running.length} containers of it run`
  if (proxy === undefined || !facts.containers.some(({ service }) => service === proxy)) {
    return 'no proxy stands before it'
  }
  if (facts.nginx === undefined) return `service '${proxy}' is not an nginx that can be asked`
  const upstreams = readUpstreams(facts.nginx)
  const names = namesOf(project, name)
  if (!names.some(alias => upstreams.names.has(alias))) {
    return upstreams.dynamic
      ? 'nginx resolves its name at each request, which a pin does not reach'
      : `nginx does not address it by name (${names.join(', ')})`
  }
  if (one.network_mode !== undefined) return `network_mode: ${one.network_mode}`
  if (one.devices?.length) return 'it has a device'
  if (Object.values(one.networks ?? {}).some(network => network?.ipv4_address)) {
    return 'it has a fixed address'
  }
  const used = facts.memoryKb.services.get(name) ?? 0
  if (used * MEMORY_FACTOR > facts.memoryKb.available) {
    return `not enough memory for two: ${mb(used)} used by one, ${mb(facts.memoryKb.available)} available`
  }
  return undefined
}

function mb(kb: number): string {
  return `${Math.round(kb / 1024)} MB`
}

/** Every name by which other services can address one. */
export function namesOf(project: Project, name: string): string[] {
  const one = project.services[name]
  const aliases = Object.values(one?.networks ?? {}).flatMap(network => network?.aliases ?? [])
  return [...new Set([name, ...(one?.container_name ? [one.container_name] : []), ...aliases])]
}
