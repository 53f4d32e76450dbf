import { readsFile, type Service, serviceNames } from '../app/compose.ts'
import type { AppConfig } from '../app/config.ts'
import { sha256 } from '../base/hash.ts'
import { type Front, readUpstreams } from '../proxy/front.ts'
import type { Upstreams } from '../proxy/upstreams.ts'
import type { Container, Facts } from './facts.ts'
import type { Door } from './probe.ts'
import { chooseReplicas, type Replicas } from './replicas.ts'
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
  /** A way back to an earlier release: what came first goes last. */
  back: boolean
  /** For services that the proxy addresses: by which port, and what is spoken there. */
  doors: ReadonlyMap<string, Door>
  /** How many containers of the services that are rolled. */
  replicas: Replicas
}

/**
 * How each service of the built image is replaced: kept when nothing of it changed, rolled when the
 * proxy addresses it by a name that a pin can hold, otherwise stop-first with the reason. `back`
 * leads to an earlier release; `force` is for one after a failed release, before which the facts
 * were read that then count for nothing.
 */
export function chooseTactics(
  target: Target,
  facts: Facts,
  config: AppConfig,
  { strategy, force = false, back = force }: { strategy: Strategy; force?: boolean; back?: boolean }
): Tactics {
  const { built, proxy, project } = target
  const upstreams = facts.front && readUpstreams(facts.front)
  const others = Object.keys(project.services).filter(
    name => !built.includes(name) && name !== proxy
  )
  return {
    services: new Map(built.map(name => [name, tactic(name)])),
    replaceProxy: mustReplaceProxy(target, facts, strategy),
    outdated: new Set(others.filter(name => readsChangedFile(name, target, facts, config.path))),
    back,
    doors: new Map(built.flatMap(name => doorOf(name))),
    replicas: chooseReplicas(project, facts.current)
  }

  function doorOf(name: string): [string, Door][] {
    const names = namesOf(target, facts, name)
    const door = upstreams?.held.find(one => names.includes(one.name))
    return door ? [[name, door]] : []
  }

  function tactic(name: string): Tactic {
    if (strategy === 'roll' && !force && !isChanged(name, target, facts, config.path)) {
      return { how: 'keep' }
    }
    const why = obstacle(name, target, facts, config, strategy, upstreams)
    return why === undefined ? { how: 'roll' } : { how: 'stop-first', why }
  }
}

/** Whether the proxy's own container must be made anew, which is a gap of a second or so. */
function mustReplaceProxy(target: Target, facts: Facts, strategy: Strategy): boolean {
  const { proxy } = target
  if (proxy === undefined || target.built.includes(proxy)) return false
  if (strategy === 'recreate' || !facts.front || facts.front.obstacle) return true
  return facts.current?.definitions[proxy] !== definitionHash(target, proxy)
}

/** A hash of a service as the host's compose resolves it; tells whether its definition changed. */
export function definitionHash({ project }: Pick<Target, 'project'>, name: string): string {
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
        service === name &&
        imageId === current.imageId &&
        (state === 'running' || (state === 'exited' && isOneShot(target.project, name)))
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
  target: Target,
  facts: Facts,
  config: AppConfig,
  strategy: Strategy,
  upstreams: Upstreams | undefined
): string | undefined {
  const { project, proxy, built } = target
  const one = project.services[name] as Service
  if (strategy === 'recreate') return 'strategy: recreate'
  if (config.stopFirst.includes(name)) return 'stop-first in diveops.yml'
  if (isOneShot(project, name)) return 'it runs once and ends'
  if (runningOf(facts, name).length === 0) return 'it does not run yet'
  if (proxy === undefined || runningOf(facts, proxy).length === 0)
    return 'no proxy stands before it'
  if (upstreams === undefined || facts.front === undefined) {
    return `service '${proxy}' is no nginx, Caddy or HAProxy that can be asked`
  }
  const { obstacle: why } = facts.front
  if (why !== undefined) return `service '${proxy}' cannot reload: ${why}`
  const unheld = unheldName(namesOf(target, facts, name), upstreams, facts.front)
  if (unheld !== undefined) return unheld
  const names = namesOf(target, facts, name)
  const twin = built.find(
    other => other !== name && namesOf(target, facts, other).some(alias => names.includes(alias))
  )
  if (twin !== undefined) return `it shares a name with service '${twin}'`
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

/** Why a pin does not reach a service by any of its names; undefined when it does. */
function unheldName(
  names: readonly string[],
  { held, dynamic, unknown }: Upstreams,
  { kind }: Front
): string | undefined {
  const proxy = PROXY_NAMES[kind]
  const late = dynamic.find(({ name }) => names.includes(name))
  if (late)
    return `${proxy} resolves '${late.name}' by itself while it runs, which a pin does not reach`
  if (held.some(({ name }) => names.includes(name))) return undefined
  return unknown
    ? `${proxy} makes up names from requests, and addresses none of ${names.join(', ')} otherwise`
    : `${proxy} does not address it by name (${names.join(', ')})`
}

const PROXY_NAMES: Record<Front['kind'], string> = {
  nginx: 'nginx',
  caddy: 'Caddy',
  haproxy: 'HAProxy'
}

function runningOf(facts: Facts, name: string): Container[] {
  return facts.containers.filter(({ service, state }) => service === name && state === 'running')
}

/** Every name by which other services can address one, those of its containers included. */
function namesOf({ project }: Target, facts: Facts, name: string): string[] {
  const containers = runningOf(facts, name).map(container => container.name)
  const names = [...serviceNames(project, name), ...containers]
  return [...new Set(names.map(text => text.toLowerCase()))]
}
