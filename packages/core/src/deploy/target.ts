import {
  builtServices,
  containerPath,
  dependencies,
  type Project,
  proxyService,
  repositoryOf
} from '../app/compose.ts'
import { type EnvironmentChange, environmentChange } from '../app/environment.ts'
import { pairsOf } from '../app/pairs.ts'
import type { Source } from '../app/source.ts'
import { UserError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import { readConfiguration } from '../proxy/configuration.ts'
import { readSites } from '../proxy/sites.ts'
import type { Manifest } from '../release/manifest.ts'
import type { Facts } from './facts.ts'
import { type Choice, choosePairs, type KnownPair, standIns } from './pairs.ts'

/** What a deploy is to bring about on a host, decided before anything is changed. */
export interface Target extends Choice {
  /** name@digest */
  image: string
  project: Project
  /** Services of the built image. */
  built: string[]
  proxy: string | undefined
  /** Files as they stand in the app's folder once live: content of the chosen variants included. */
  liveFiles: Map<string, string>
  /** Files of the release before that are not part of this one, with their sha256 as it left them. */
  staleFiles: Map<string, string>
  environment: EnvironmentChange
  follow: Record<string, string>
}

/** Decides the target from the repository's side and the facts of the host. */
export function decideTarget(
  source: Source,
  facts: Facts,
  project: Project,
  image: string,
  given: readonly (readonly [string, string])[]
): Target {
  const { config } = source
  const built = builtServices(project, repositoryOf(image))
  const proxy = proxyService(project, config.proxy.service)
  const choice = choosePairs(repositoryPairs(source, project, proxy), facts, project, proxy)
  const follow = choice.pairs.length === 0 ? {} : config.env[choice.variant]
  const files = source.files.map(({ path, content }) => [path, sha256(content)] as const)
  const environment = environmentChange(
    source.template,
    given,
    facts.env?.present ?? new Map(),
    follow
  )
  refuseNewSecretsOverData(environment, facts, project, config.path)
  return {
    image,
    project,
    built,
    proxy,
    ...choice,
    ...placedFiles(new Map(files), choice, { ...facts.brokenFiles, ...facts.current?.files }),
    environment,
    follow
  }
}

/** The pairs of a checkout, each with what its HTTPS configuration serves. */
function repositoryPairs(
  { config, files }: Source,
  project: Project,
  proxy: string | undefined
): KnownPair[] {
  const included = new Map(
    files.flatMap(({ path, content }) => {
      const inside = proxy && containerPath(project, proxy, `${config.path}/${path}`)
      return inside ? [[inside, content.toString()] as const] : []
    })
  )
  return pairsOf(config.proxy).map(pair => {
    const text = files.find(({ path }) => path === pair.https)?.content.toString() ?? ''
    return { ...pair, sites: readSites(readConfiguration(text, included)) }
  })
}

/**
 * The target that a kept release is, the live one included, with the nginx configurations and the
 * variables that follow them chosen from the certificates that the host has now. `there` are the
 * files that stand in the app's folder for the release that goes. With `as-it-was` no pair that was
 * on HTTP-only goes to HTTPS.
 */
export function keptTarget(
  manifest: Manifest,
  project: Project,
  facts: Facts,
  there: Readonly<Record<string, string>>,
  pairs: 'choose' | 'as-it-was' = 'choose'
): Target {
  const { image, services, config } = manifest
  const proxy = proxyService(project, manifest.proxy.service)
  const stay = manifest.pairs.filter(({ variant }) => pairs === 'as-it-was' && variant === 'http')
  const choice = choosePairs(manifest.pairs, facts, project, proxy, stay)
  const same = choice.variant === manifest.variant
  const follow = same ? manifest.env.follow : (config?.env[choice.variant] ?? {})
  return {
    image,
    project,
    built: services,
    proxy,
    ...choice,
    ...placedFiles(new Map(Object.entries(manifest.files)), choice, there),
    environment: { add: [], generate: [], follow: Object.entries(follow) },
    follow
  }
}

function placedFiles(
  files: ReadonlyMap<string, string>,
  { pairs }: Choice,
  there: Readonly<Record<string, string>>
): Pick<Target, 'liveFiles' | 'staleFiles'> {
  const liveFiles = new Map(files)
  for (const [to, from] of standIns(pairs)) liveFiles.set(to, files.get(from) as string)
  const stale = Object.entries(there).filter(([path]) => !liveFiles.has(path))
  return { liveFiles, staleFiles: new Map(stale) }
}

/** New secrets beside old data would lock the app out of its own database. */
function refuseNewSecretsOverData(
  { generate }: EnvironmentChange,
  facts: Facts,
  project: Project,
  path: string
): void {
  if (facts.env || generate.length === 0) return
  const names = Object.values(project.volumes ?? {}).flatMap(({ name, driver_opts: options }) =>
    name && !options?.device ? [name] : []
  )
  const existing = names.find(name => facts.volumes.includes(name))
  if (existing === undefined) return
  throw new UserError(
    `${path}/.env is missing, but volume '${existing}' with data of this app exists; new passwords would ` +
      `not open it. Restore .env (kept versions: ${path}/.diveops/env/), or remove the volume if its data is worthless`
  )
}

/** Why the host does not run the target yet, one line each; empty when nothing is to be done. */
export function differences(target: Target, facts: Facts): string[] {
  const { current, broken } = facts
  if (!current) return ['no release is live on this host yet']
  const { add, generate } = target.environment
  const names = [...add, ...generate].map(([name]) => name)
  const running = target.built.filter(name =>
    facts.containers.some(
      one => one.service === name && one.imageId === current.imageId && one.state === 'running'
    )
  )
  const stopped = Object.keys(target.project.services).filter(
    name => !target.built.includes(name) && !isUp(facts, name)
  )
  return [
    broken ? [`a ${broken.action} broke off half-way`] : [],
    current.image !== target.image ? [`image: ${current.image} is live`] : [],
    target.pairs.flatMap(({ domain, https, variant }) => {
      const before = current.pairs.find(pair => pair.https === https)?.variant ?? variant
      const where = domain === undefined ? 'nginx' : `nginx for ${domain}`
      return before === variant ? [] : [`${where}: from the ${before} to the ${variant} variant`]
    }),
    changedFiles(target, facts).map(path => `file: ${path}`),
    [...target.staleFiles.keys()].map(path => `file: ${path} is no longer part of it`),
    names.map(name => `new variable: ${name}`),
    facts.env?.sha256 !== current.env.sha256 ? ['.env was edited on the host'] : [],
    JSON.stringify(current.env.follow) !== JSON.stringify(target.follow)
      ? ['variables that follow the nginx variant']
      : [],
    target.built
      .filter(name => !running.includes(name) && !isFinished(target.project, facts, name))
      .map(name => `service: ${name} does not run this image`),
    stopped.map(name => `service: ${name} is not running`)
  ].flat()
}

/** Files of the target that the app's folder does not have, or has with another content. */
export function changedFiles(target: Target, facts: Facts): string[] {
  return [...target.liveFiles]
    .filter(([path, hash]) => facts.liveFiles.get(path) !== hash)
    .map(([path]) => path)
}

/** Running, or a one-shot service that did its work. */
function isUp(facts: Facts, name: string): boolean {
  return facts.containers.some(
    one => one.service === name && (one.state === 'running' || one.state === 'exited')
  )
}

function isFinished(project: Project, facts: Facts, name: string): boolean {
  return isOneShot(project, name) && facts.containers.some(one => one.service === name)
}

/** Whether other services wait for this one to have done its work and ended. */
export function isOneShot(project: Project, name: string): boolean {
  return Object.values(project.services).some(
    ({ depends_on: needs }) => needs?.[name]?.condition === 'service_completed_successfully'
  )
}

/** The given services in the order in which they can start: each after those it depends on. */
export function startOrder(project: Project, names: readonly string[]): string[] {
  const ordered: string[] = []
  const visit = (name: string) => {
    if (ordered.includes(name)) return
    for (const next of dependencies(project, [name])) if (names.includes(next)) visit(next)
    if (!ordered.includes(name)) ordered.push(name)
  }
  for (const name of names) visit(name)
  return ordered
}
