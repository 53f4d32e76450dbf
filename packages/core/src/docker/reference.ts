import { UserError } from '../base/errors.ts'

/** An image's name in full, as Docker understands it. */
export interface Reference {
  /** Host and port, `docker.io` for Docker Hub. */
  registry: string
  /** Path on the registry, with `library/` for official images of Docker Hub. */
  repository: string
  tag?: string
  /** `sha256:` and 64 hexadecimal digits. */
  digest?: string
}

const HUB = 'docker.io'
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/
const TAG = /^\w[\w.-]{0,127}$/
const DIGEST = /^sha256:[0-9a-f]{64}$/
const HOST = /^(?:\[[0-9a-fA-F:]+\]|[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?)(?::\d{1,5})?$/

/** Stands in a plan for the digest of an image that is not built yet. */
export const UNBUILT = `sha256:${'0'.repeat(64)}`

/** Whether an image is told by that stand-in. */
export function isUnbuilt(image: string): boolean {
  return image.endsWith(`@${UNBUILT}`)
}

/** Whether a text can be a tag. */
export function isTag(text: string): boolean {
  return TAG.test(text)
}

/** Whether a text is the digest of an image. */
export function isDigest(text: string): boolean {
  return DIGEST.test(text)
}

/**
 * Reads an image reference and completes short names, so that `nginx` becomes
 * `docker.io/library/nginx`. `what` names the place in the error: "input 'image'".
 */
export function parseReference(text: string, what = 'image'): Reference {
  const complain = (reason: string) => new UserError(`${what}: got '${text}', ${reason}`)
  const [named = '', digest, ...more] = text.split('@')
  if (more.length > 0 || (digest !== undefined && !isDigest(digest))) {
    throw complain(`expected a digest of the form 'sha256:' and 64 hexadecimal digits after '@'`)
  }
  const colon = named.lastIndexOf(':')
  const hasTag = colon > named.lastIndexOf('/')
  const name = hasTag ? named.slice(0, colon) : named
  const tag = hasTag ? named.slice(colon + 1) : undefined
  if (tag !== undefined && !isTag(tag)) {
    throw complain(`expected a tag of letters, digits, '_', '.' and '-' after ':'`)
  }
  const { registry, repository } = splitName(name)
  if (!HOST.test(registry)) throw complain(`'${registry}' is not a registry's host name`)
  if (/[A-Z]/.test(repository)) {
    throw complain(`expected lower case: '${name.replace(repository, repository.toLowerCase())}'`)
  }
  if (!repository.split('/').every(part => COMPONENT.test(part)) || repository.length > 255) {
    throw complain(`expected an image name such as 'ghcr.io/owner/name:tag'`)
  }
  return { registry, repository, ...(tag && { tag }), ...(digest && { digest }) }
}

/** The first part is a host when it looks like one; otherwise the name is Docker Hub's. */
function splitName(name: string): { registry: string; repository: string } {
  const slash = name.indexOf('/')
  const first = name.slice(0, Math.max(slash, 0))
  if (/[.:[]/.test(first) || first === 'localhost') {
    const rest = name.slice(slash + 1)
    return first === 'index.docker.io' || first === HUB
      ? { registry: HUB, repository: official(rest) }
      : { registry: first, repository: rest }
  }
  return { registry: HUB, repository: official(name) }
}

function official(repository: string): string {
  return repository === '' || repository.includes('/') ? repository : `library/${repository}`
}

/** Registry and repository, without tag and digest. */
export function nameOf({ registry, repository }: Reference): string {
  return `${registry}/${repository}`
}

/** The whole reference, in full. */
export function formatReference(reference: Reference): string {
  const { tag, digest } = reference
  return `${nameOf(reference)}${tag ? `:${tag}` : ''}${digest ? `@${digest}` : ''}`
}
