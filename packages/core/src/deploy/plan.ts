import { publishedPorts, readsFile } from '../app/compose.ts'
import type { Migration } from '../app/migrations.ts'
import { changedParts, partsOf } from '../app/parts.ts'
import { list } from '../base/names.ts'
import { isUnbuilt } from '../docker/reference.ts'
import { reloadAdvice } from '../proxy/advice.ts'
import type { Facts } from './facts.ts'
import type { Tactics } from './tactics.ts'
import { changedFiles, startOrder, type Target } from './target.ts'

/** What a run does to one service. */
export type What = 'keep' | 'roll' | 'recreate' | 'reload' | 'create' | 'start' | 'left'

/** What a run does to one service, why to this one, and for how long it does not answer. */
export interface PlanRow {
  service: string
  what: What
  why: string
  downtime: string
  /** Something about data that a person should know before. */
  alarm: boolean
}

/** What a run changes on a host, and why. */
export interface Plan {
  /** In the order in which they start; services that the compose file no longer has come last. */
  services: PlanRow[]
  /** Files in the app's folder. */
  files: { path: string; what: 'new' | 'changed' | 'removed' }[]
  /** What touches databases or volumes otherwise. */
  alarms: string[]
  /** Pending migrations; undefined while the new image has not been asked. */
  migrations?: Migration[]
  /** Backups that the run made. */
  backups?: string[]
  /** What was not asked, because the key may only read, a sentence each. */
  unasked?: readonly string[]
}

const NONE = 'none'

/** A plan before anything is known. */
export const noPlan = (): Plan => ({ services: [], files: [], alarms: [] })

/** The plan that brings a target about. `reasons` are all differences; none means that nothing is done. */
export function makePlan(
  target: Target,
  facts: Facts,
  tactics: Tactics,
  path: string,
  reasons: readonly string[]
): Plan {
  const { project } = target
  const idle = reasons.length === 0
  const names = startOrder(project, Object.keys(project.services))
  const rows = names.map(name =>
    idle ? keep(name, 'unchanged') : planService(name, target, facts, tactics, path)
  )
  return {
    services: [...rows, ...orphans(target, facts)],
    files: idle ? [] : plannedFiles(target, facts),
    alarms: facts.current === undefined ? [] : newVolumes(target, facts)
  }
}

function keep(service: string, why: string): PlanRow {
  return { service, what: 'keep', why, downtime: NONE, alarm: false }
}

function planService(
  service: string,
  target: Target,
  facts: Facts,
  tactics: Tactics,
  path: string
): PlanRow {
  const there = facts.containers.filter(one => one.service === service)
  const row = (what: What, why: string[], downtime = NONE, alarm = false): PlanRow => ({
    service,
    what,
    why: why.join('; '),
    downtime,
    alarm
  })
  const reads = filesOf(service, target, facts, path)
  if (there.length === 0) return row('create', ['not on the host yet'])
  if (target.built.includes(service)) {
    const tactic = tactics.services.get(service)
    const why = whyBuilt(service, target, facts, reads)
    if (tactic?.how === 'stop-first') {
      return row('recreate', [...why, `stop-first: ${tactic.why}`], 'until it is healthy')
    }
    return tactic?.how === 'roll' ? row('roll', why, gapOnPorts(target, service)) : row('keep', [])
  }
  const parts = definition(service, target, facts)
  if (service === target.proxy) {
    const changes = [...variants(target, facts), ...reads]
    if (tactics.replaceProxy) {
      return row('recreate', [...whyProxy(parts, facts), ...changes], 'a second or so')
    }
    const replaced = [...tactics.services].flatMap(([name, { how }]) =>
      how === 'keep' ? [] : name
    )
    const follows = replaced.length > 0 ? [`to go on to the new ${replaced.join(', ')}`] : []
    const advice = facts.front ? reloadAdvice(facts.front) : ''
    return changes.length + follows.length > 0
      ? row('reload', [...changes, ...follows, ...(advice ? [advice] : [])])
      : row('keep', [])
  }
  if (!there.some(({ state }) => state === 'running' || state === 'exited')) {
    return row('start', ['it does not run'])
  }
  if (facts.recreates.has(service)) {
    const why =
      parts.length > 0 ? `its ${parts.join(', ')} changed` : 'its image or a value of .env changed'
    return row(
      'left',
      [
        `${why}: compose would make it anew, and what it holds with it; to apply it: docker compose up -d`
      ],
      NONE,
      true
    )
  }
  if (tactics.outdated.has(service)) {
    return row('left', [...reads, 'left as it runs: restart it when you choose'])
  }
  return row('keep', [])
}

function whyProxy(parts: string[], { front }: Facts): string[] {
  if (parts.length > 0) return parts
  if (front === undefined) return ['it is no nginx, Caddy or HAProxy that can be asked']
  return front.obstacle === undefined ? [] : [`it cannot reload: ${front.obstacle}`]
}

/** A bridge publishes no port: what the service publishes itself has a gap while it is replaced. */
function gapOnPorts({ project }: Target, name: string): string {
  const ports = publishedPorts(project.services[name] ?? {})
  return ports.length === 0
    ? NONE
    : `seconds on port ${ports.join(', ')}, which it publishes itself`
}

/** Why a service of the built image is replaced. */
function whyBuilt(service: string, target: Target, facts: Facts, reads: string[]): string[] {
  const { current, containers } = facts
  const runs = containers.some(
    one => one.service === service && one.imageId === current?.imageId && one.state === 'running'
  )
  const why = [
    ...(current && current.image !== target.image
      ? [`image ${short(current.image)} to ${short(target.image)}`]
      : []),
    ...definition(service, target, facts),
    ...reads
  ]
  if (current === undefined) return ['no release is live on this host yet']
  if (!runs) return [...why, 'it does not run the live release']
  if (why.length > 0) return why
  return facts.env?.sha256 === current.env.sha256
    ? variants(target, facts)
    : ['.env was edited on the host']
}

/** What changed of a service's own definition. */
function definition(service: string, target: Target, facts: Facts): string[] {
  const { current, editedVariables } = facts
  if (current === undefined) return []
  const before = current.parts[service]
  const after = partsOf(target.project.services[service] ?? {})
  // A release.json of an older version tells no parts.
  if (before === undefined) return []
  const follow = Object.entries(target.follow).flatMap(([name, value]) =>
    current.env.follow[name] === value ? [] : name
  )
  return changedParts(before, after, new Set([...editedVariables, ...follow]))
}

function short(image: string): string {
  if (isUnbuilt(image)) return 'the one that the deploy builds'
  return image.replace(/^.*@sha256:/, '').slice(0, 7)
}

/** Pairs of nginx configurations whose other half is chosen now. */
function variants({ pairs }: Target, { current }: Facts): string[] {
  return pairs.flatMap(({ domain, https, variant }) => {
    const before = current?.pairs.find(pair => pair.https === https)?.variant ?? variant
    const where = domain === undefined ? 'nginx' : `nginx for ${domain}`
    return before === variant ? [] : [`${where}: from the ${before} to the ${variant} variant`]
  })
}

/** Files that a service reads and that this run changes. */
function filesOf(service: string, target: Target, facts: Facts, path: string): string[] {
  const files = [...changedFiles(target, facts), ...target.staleFiles.keys()]
  const read = files.filter(file => readsFile(target.project, service, `${path}/${file}`))
  return read.length === 0
    ? []
    : [`it reads ${read.length > 3 ? `${read.length} changed files` : read.join(', ')}`]
}

function plannedFiles(target: Target, facts: Facts): Plan['files'] {
  const changed = changedFiles(target, facts).map(path => ({
    path,
    what: facts.liveFiles.has(path) ? ('changed' as const) : ('new' as const)
  }))
  return [
    ...changed,
    ...[...target.staleFiles.keys()].map(path => ({ path, what: 'removed' as const }))
  ]
}

/** Containers of services that the compose file does not have, or no longer. */
function orphans({ project }: Target, { containers }: Facts): PlanRow[] {
  const names = [...new Set(containers.map(({ service }) => service))]
  return names
    .filter(name => project.services[name] === undefined)
    .map(service => ({
      service,
      what: 'left' as const,
      why: 'not in the compose file (any more), runs on; to remove it: docker compose up -d --remove-orphans',
      downtime: NONE,
      alarm: false
    }))
}

function newVolumes({ project }: Target, { volumes }: Facts): string[] {
  const fresh = Object.values(project.volumes ?? {}).flatMap(
    ({ name, external, driver_opts: options }) =>
      name && !external && !options?.device && !volumes.includes(name) ? [name] : []
  )
  return fresh.length === 0 ? [] : [`new and empty: volume ${list(fresh)}`]
}
