import {
  builtServices,
  dependencies,
  hostPath,
  type Project,
  proxyService,
  repositoryOf
} from '../app/compose.ts'
import { type EnvironmentChange, environmentChange } from '../app/environment.ts'
import type { Source } from '../app/source.ts'
import { UserError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import { certificatePaths, type Variant } from '../proxy/variant.ts'
import type { Facts } from './facts.ts'

/** What a deploy is to bring about on a host, decided before anything is changed. */
export interface Target {
  /** name@digest */
  image: string
  project: Project
  /** Services of the built image. */
  built: string[]
  proxy: string | undefined
  variant: Variant
  /** Why HTTPS was not chosen although it is configured; for a warning. */
  variantReason: string | undefined
  /** Files as they stand in the app's folder once live: content of the chosen variant included. */
  liveFiles: Map<string, string>
  /** Files of the release before that are not part of this one, with their sha256 as it left them. */
  staleFiles: Map<string, string>
  /** Whether there are two variants to choose from. */
  variantFiles: boolean
  /** The file of the release that stands at another path once live: [from, to]. */
  variantFile: [from: string, to: string] | undefined
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
  const { variant, reason } = chooseVariant(source, facts, project, proxy)
  const follow = config.proxy.https === undefined ? {} : config.env[variant]
  const liveFiles = new Map(source.files.map(({ path, content }) => [path, sha256(content)]))
  const { http, https } = config.proxy
  const variantFile: Target['variantFile'] =
    variant === 'http' && http && https ? [http, https] : undefined
  if (variantFile) liveFiles.set(variantFile[1], liveFiles.get(variantFile[0]) as string)
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
    variant,
    variantReason: reason,
    liveFiles,
    staleFiles: new Map(
      Object.entries(facts.current?.files ?? {}).filter(([path]) => !liveFiles.has(path))
    ),
    variantFiles: config.proxy.https !== undefined,
    variantFile,
    environment,
    follow
  }
}

function chooseVariant(
  { config, files }: Source,
  facts: Facts,
  project: Project,
  proxy: string | undefined
): { variant: Variant; reason: string | undefined } {
  const { http, https } = config.proxy
  if (http === undefined || https === undefined || proxy === undefined) {
    return { variant: 'https', reason: undefined }
  }
  const configuration = files.find(({ path }) => path === https)?.content.toString() ?? ''
  const wanted = certificatePaths(configuration)
  if (facts.certificates === undefined) {
    const variant = facts.current?.variant ?? 'http'
    return {
      variant,
      reason: `user '${facts.user}' may not read certs/, so the variant stays '${variant}'`
    }
  }
  const missing = wanted.filter(file => {
    const onHost = hostPath(project, proxy, file)
    return onHost === undefined || !facts.certificates?.includes(onHost)
  })
  return missing.length === 0
    ? { variant: 'https', reason: undefined }
    : { variant: 'http', reason: `no certificate at ${missing[0]}` }
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
  const { current } = facts
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
    current.image !== target.image ? [`image: ${current.image} is live`] : [],
    current.variant !== target.variant
      ? [`nginx: from the ${current.variant} to the ${target.variant} variant`]
      : [],
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
