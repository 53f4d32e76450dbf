import { UserError } from '../base/errors.ts'
import { list } from '../base/names.ts'
import { nameOf, parseReference } from '../docker/reference.ts'

/** What the core reads of a service in the output of `docker compose config --format json`. */
export interface Service {
  image?: string
  build?: unknown
  container_name?: string
  command?: string[] | null
  depends_on?: Record<string, { condition?: string; required?: boolean }>
  environment?: Record<string, string | null>
  healthcheck?: { test?: string[]; disable?: boolean }
  ports?: { target: number; published?: string; host_ip?: string; protocol?: string }[]
  volumes?: { type: string; source?: string; target: string; read_only?: boolean }[]
  profiles?: string[]
  configs?: { source: string }[]
  secrets?: { source: string }[]
  network_mode?: string
  stop_grace_period?: string
  scale?: number
  deploy?: { replicas?: number }
  devices?: unknown[]
  networks?: Record<string, { aliases?: string[]; ipv4_address?: string } | null>
}

/** What the core reads of a whole project, variables resolved by the host's own compose. */
export interface Project {
  name: string
  services: Record<string, Service>
  volumes?: Record<string, Volume>
  configs?: Record<string, { file?: string }>
  secrets?: Record<string, { file?: string }>
}

/** A named volume; `driver_opts` of a bind volume hold the folder on the host. */
export interface Volume {
  name?: string
  external?: boolean
  driver_opts?: Record<string, string>
}

/** A service of the project by name; an unknown one is the user's mistake. */
export function service(project: Project, name: string, where: string): Service {
  const found = project.services[name]
  if (found) return found
  throw new UserError(
    `${where}: service '${name}' is not in the compose file, which has ${list(Object.keys(project.services))}`
  )
}

/** Every name by which the compose file lets other services address one. */
export function serviceNames(project: Project, name: string): string[] {
  const one = project.services[name]
  const aliases = Object.values(one?.networks ?? {}).flatMap(network => network?.aliases ?? [])
  return [name, ...(one?.container_name ? [one.container_name] : []), ...aliases]
}

/** Registry and repository of an image reference in full, without tag and digest. */
export function repositoryOf(image: string): string {
  return nameOf(parseReference(image))
}

/** Names of the services that run the built image, told by its repository. */
export function builtServices(project: Project, repository: string): string[] {
  return Object.entries(project.services)
    .filter(([, { image }]) => image !== undefined && repositoryOf(image) === repository)
    .map(([name]) => name)
}

/**
 * The repository of the image that this project builds, when only a digest was given: the one
 * whose services have a `build`, or the one of the running repository, or the only private one.
 * `ours` is `owner/name` of the repository on GitHub, when known.
 */
export function builtRepository(project: Project, ours: string | undefined): string {
  const images = [...new Set(Object.values(project.services).flatMap(({ image }) => image ?? []))]
  const repositories = [...new Set(images.map(repositoryOf))]
  const withBuild = Object.values(project.services).flatMap(({ image, build }) =>
    image && build ? repositoryOf(image) : []
  )
  const named = repositories.filter(name => ours && name.endsWith(`/${ours.toLowerCase()}`))
  const hosted = repositories.filter(name => !name.startsWith('docker.io/'))
  for (const candidates of [[...new Set(withBuild)], named, hosted]) {
    if (candidates.length === 1) return candidates[0] as string
  }
  throw new UserError(
    `input 'digest' goes with the compose file's own image, and this file has ${list(images)}; ` +
      "give the input 'image' (name@digest) instead"
  )
}

/** Host ports that a service publishes, as numbers. */
export function publishedPorts({ ports = [] }: Service): number[] {
  return ports.flatMap(({ published = '' }) => {
    const [first = Number.NaN, last = first] = published.split('-').map(Number)
    return first > 0 ? Array.from({ length: last - first + 1 }, (_, index) => first + index) : []
  })
}

/** The service in front: as configured, else the only one that publishes port 80 or 443, if any. */
export function proxyService(project: Project, configured: string | undefined): string | undefined {
  if (configured !== undefined) {
    service(project, configured, "diveops.yml: 'proxy.service'")
    return configured
  }
  const names = Object.entries(project.services)
    .filter(([, one]) => publishedPorts(one).some(port => port === 80 || port === 443))
    .map(([name]) => name)
  return names.length === 1 ? names[0] : undefined
}

/**
 * Everything that the given services depend on, directly or not, without themselves and without
 * those whose profile is not active, which to name would start.
 */
export function dependencies(project: Project, names: readonly string[]): string[] {
  const found = new Set<string>()
  const visit = (name: string) => {
    for (const next of Object.keys(project.services[name]?.depends_on ?? {})) {
      if (found.has(next) || names.includes(next) || !project.services[next]) continue
      found.add(next)
      visit(next)
    }
  }
  for (const name of names) visit(name)
  return [...found]
}

/** Folders on the host that a bind volume needs before a container starts. */
export function bindVolumeFolders(project: Project): string[] {
  return Object.values(project.volumes ?? {}).flatMap(({ driver_opts: options }) =>
    options?.o?.split(',').includes('bind') && options.device ? [options.device] : []
  )
}

/** Whether a service mounts a folder of the host, or something in it, itself. */
export function mountsFrom(project: Project, folder: string): boolean {
  const mounts = Object.values(project.services).flatMap(({ volumes }) => volumes ?? [])
  return mounts.some(
    ({ type, source }) => type === 'bind' && source && inside(folder, source) !== undefined
  )
}

/** Where a path inside a service's container lives on the host; undefined in other kinds of volume. */
export function hostPath(project: Project, name: string, inContainer: string): string | undefined {
  const mounts = [...(project.services[name]?.volumes ?? [])]
  mounts.sort((a, b) => b.target.length - a.target.length)
  for (const mount of mounts) {
    const rest = inside(mount.target, inContainer)
    if (rest === undefined || !mount.source) continue
    if (mount.type === 'bind') return mount.source + rest
    const folder = project.volumes?.[mount.source]?.driver_opts?.device
    if (folder) return folder + rest
  }
  return undefined
}

/** Where a file of the host is inside a service's container; undefined when it mounts no such path. */
export function containerPath(project: Project, name: string, file: string): string | undefined {
  for (const { source, target } of mountedFolders(project, name)) {
    const rest = inside(source, file)
    if (rest !== undefined) return target.replace(/\/$/, '') + rest
  }
  return undefined
}

/** What a service mounts from the host, the longest path first. */
function mountedFolders(project: Project, name: string): { source: string; target: string }[] {
  const mounts = (project.services[name]?.volumes ?? []).flatMap(({ type, source, target }) => {
    if (!source) return []
    const folder = type === 'bind' ? source : project.volumes?.[source]?.driver_opts?.device
    return folder ? [{ source: folder, target }] : []
  })
  return mounts.sort((a, b) => b.source.length - a.source.length)
}

/** Whether a service's containers read a file of the host: by a bind mount, a config or a secret. */
export function readsFile(project: Project, name: string, file: string): boolean {
  const one = project.services[name]
  const mounted = (one?.volumes ?? []).flatMap(({ type, source }) =>
    type === 'bind' && source ? [source] : []
  )
  const given = [
    ...(one?.configs ?? []).map(({ source }) => project.configs?.[source]?.file),
    ...(one?.secrets ?? []).map(({ source }) => project.secrets?.[source]?.file)
  ]
  return given.includes(file) || mounted.some(source => inside(source, file) !== undefined)
}

function inside(folder: string, file: string): string | undefined {
  const base = folder.replace(/\/$/, '')
  return file === base || file.startsWith(`${base}/`) ? file.slice(base.length) : undefined
}
