/** Where layers of earlier builds come from and go to, beyond what the builder itself keeps. */
export type Cache =
  | { kind: 'off' }
  | { kind: 'inline' }
  | { kind: 'registry' }
  | { kind: 'gha' }
  | { kind: 'local'; folder: string }

/** A secret of a build: its value travels in an environment variable, never in argv. */
export interface BuildSecret {
  id: string
  value: string
}

/** What to build. */
export interface Build {
  context: string
  /** The Dockerfile; the context's own when undefined. */
  file: string | undefined
  target: string | undefined
  /** Registry and repository. */
  name: string
  tags: readonly string[]
  platforms: readonly string[]
  labels: readonly (readonly [string, string])[]
  buildArgs: readonly (readonly [string, string])[]
  secrets: readonly BuildSecret[]
  cache: Cache
  /** Nothing is in the cache yet: asking for it would only put an error into the log. */
  coldCache?: boolean
  push: boolean
}

/** The whole command of a build. Digest and other results go to `metadataFile`. */
export function buildCommand(
  build: Build,
  metadataFile: string,
  builder: string | undefined
): string[] {
  const pairs = (flag: string, values: readonly (readonly [string, string])[]) =>
    values.flatMap(([name, value]) => [flag, `${name}=${value}`])
  return [
    ...['docker', 'buildx', 'build', '--progress', 'plain'],
    // Attestations make an index of every image, and its digest another one at each build.
    ...['--provenance', 'false', '--metadata-file', metadataFile],
    ...optional('--builder', builder),
    ...optional('--file', build.file),
    ...optional('--target', build.target),
    ...optional('--platform', build.platforms.join(',')),
    ...references(build).flatMap(reference => ['--tag', reference]),
    ...pairs('--label', build.labels),
    ...pairs('--build-arg', build.buildArgs),
    ...build.secrets.flatMap(({ id }, index) => [
      '--secret',
      `id=${id},env=${secretVariable(index)}`
    ]),
    ...cacheFlags(build),
    ...outputFlags(build),
    build.context
  ]
}

/** The environment variables that carry a build's secrets. */
export function secretVariables(secrets: readonly BuildSecret[]): Record<string, string> {
  return Object.fromEntries(secrets.map(({ value }, index) => [secretVariable(index), value]))
}

/** Name and tag, for each tag. */
export function references({ name, tags }: Pick<Build, 'name' | 'tags'>): string[] {
  return tags.map(tag => `${name}:${tag}`)
}

/** Whether a build needs what the engine's own builder, without the containerd store, cannot do. */
export function needsContainerBuilder({ platforms, cache, push }: Build): string | undefined {
  if (platforms.length > 1) return 'several platforms'
  const exports = cache.kind === 'local' || cache.kind === 'gha' || cache.kind === 'registry'
  if (exports && push) return `cache '${cache.kind}'`
  return undefined
}

function secretVariable(index: number): string {
  return `DIVEOPS_BUILD_SECRET_${index}`
}

function optional(flag: string, value: string | undefined): string[] {
  return value ? [flag, value] : []
}

/** The reference that a cache on the registry is read from; undefined for other caches. */
export function cacheReference({ cache, name, tags }: Build): string | undefined {
  if (cache.kind === 'registry') return `${name}:buildcache`
  if (cache.kind === 'inline') return `${name}:${tags.includes('latest') ? 'latest' : tags[0]}`
  return undefined
}

/** Caches are read by every build and written only by those that push: others are tries. */
function cacheFlags(build: Build): string[] {
  const { cache, coldCache, push } = build
  const reference = `type=registry,ref=${cacheReference(build)}`
  const flags = (from: string, to: string) => [
    ...(coldCache ? [] : ['--cache-from', from]),
    ...(push ? ['--cache-to', to] : [])
  ]
  switch (cache.kind) {
    case 'off':
      return []
    case 'inline':
      return flags(reference, 'type=inline')
    case 'registry':
      return flags(reference, `${reference},mode=max`)
    case 'gha':
      return flags('type=gha', 'type=gha,mode=max')
    case 'local':
      return flags(`type=local,src=${cache.folder}`, `type=local,dest=${cache.folder},mode=max`)
  }
}

/** What is not pushed is loaded into the engine, unless it is for several platforms. */
function outputFlags({ push, platforms }: Build): string[] {
  if (push) return ['--push']
  return platforms.length > 1 ? ['--output', 'type=cacheonly'] : ['--load']
}
