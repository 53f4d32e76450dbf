import { absolutePath, type Configuration, type Directive } from './configuration.ts'

/** What nginx serves over TLS with one certificate. */
export interface Site {
  /** Names that the certificate must cover. */
  names: string[]
  /** Path of the certificate's file in nginx's container. */
  certificate: string
  /** Path of its key. */
  key: string
}

/** What applies in a block: its own directives, else those of the block around it. */
interface Files {
  certificates: readonly string[]
  keys: readonly string[]
}

/** Keys that are not in a file of their own name. */
const NO_FILE = /^(data|engine|store):/

/**
 * The sites of a configuration that are served with a certificate. nginx loads what it names when it
 * starts, so a server that only inherits a certificate counts, too; files whose path has a variable
 * are read with each handshake and cannot stop it, so they do not count.
 */
export function readSites(configuration: Configuration): Site[] {
  return sitesOf(configuration, { certificates: [], keys: [] })
}

function sitesOf(block: Configuration, around: Files): Site[] {
  const files = filesOf(block, around)
  return block.flatMap(one => {
    if (!one.block) return []
    if (one.name !== 'server') return sitesOf(one.block, files)
    return sitesOfServer(one.block, filesOf(one.block, files))
  })
}

function filesOf(block: Configuration, around: Files): Files {
  const certificates = valuesOf(block, 'ssl_certificate')
  const keys = valuesOf(block, 'ssl_certificate_key')
  return {
    certificates: certificates.length > 0 ? certificates : around.certificates,
    keys: keys.length > 0 ? keys : around.keys
  }
}

function sitesOfServer(block: Configuration, { certificates, keys }: Files): Site[] {
  const names = speaksTls(block) ? publicNames(block) : []
  return certificates.flatMap((certificate, index) => {
    const key = keys[index] ?? certificate
    if ([certificate, key].some(path => path.includes('$') || NO_FILE.test(path))) return []
    return [{ names, certificate: absolutePath(certificate), key: absolutePath(key) }]
  })
}

function valuesOf(block: Configuration, name: string): string[] {
  return block.flatMap(one => (one.name === name ? (one.words[0] ?? []) : []))
}

function speaksTls(block: Configuration): boolean {
  if (valuesOf(block, 'ssl_reject_handshake').includes('on')) return false
  return block.some(
    ({ name, words }) =>
      (name === 'listen' && words.some(word => word === 'ssl' || word === 'quic')) ||
      (name === 'ssl' && words[0] === 'on')
  )
}

/** Names that an authority can certify: no catch-all, pattern, address or name without a dot. */
function publicNames(block: Configuration): string[] {
  return block
    .flatMap(one => (one.name === 'server_name' ? one.words : []))
    .map(name => name.toLowerCase())
    .filter(name => /^(\*?\.)?([a-z0-9_-]+\.)+[a-z][a-z0-9-]*$/.test(name))
}

const CHALLENGE = '/.well-known/acme-challenge/'

/**
 * The folder, in nginx's container, under which a token must lie so that port 80 serves it:
 * the `root` of the location for `/.well-known/acme-challenge/`, or what its `alias` comes to. An
 * alias that does not end in that path serves no webroot, and gives undefined, too.
 */
export function challengeRoot(configuration: Configuration): string | undefined {
  return rootBelow(configuration, undefined, false)
}

/** `plain` is whether the block belongs to a server on port 80. */
function rootBelow(
  block: Configuration,
  above: string | undefined,
  plain: boolean
): string | undefined {
  const root = valuesOf(block, 'root')[0] ?? above
  for (const one of block) {
    if (!one.block || (one.name === 'server' && !listensOn80(one.block))) continue
    const found =
      plain && one.name === 'location' && matchesChallenge(one)
        ? webroot(one.block, root)
        : rootBelow(one.block, root, plain || one.name === 'server')
    if (found !== undefined) return found
  }
  return undefined
}

function listensOn80(server: Configuration): boolean {
  const listens = valuesOf(server, 'listen')
  // Without a port, and without a word at all, it is port 80.
  return (
    listens.length === 0 ||
    listens.some(address => address === '80' || /:80$|^[^:]*\D[^:]*$|\]$/.test(address))
  )
}

function matchesChallenge({ words }: Directive): boolean {
  const [first = '', second = ''] = words
  if (first === '~' || first === '~*') return second.includes('acme-challenge')
  const path = first === '^~' ? second : first
  return path.startsWith('/.well-known') && CHALLENGE.startsWith(path)
}

function webroot(location: Configuration, above: string | undefined): string | undefined {
  if (location.some(({ name }) => name === 'return' || name.endsWith('_pass'))) return undefined
  const alias = valuesOf(location, 'alias')[0]
  const root = valuesOf(location, 'root')[0] ?? above
  if (alias === undefined) return root && absolutePath(root).replace(/(.)\/$/, '$1')
  const end = /^(.+)\/\.well-known\/acme-challenge\/?$/.exec(absolutePath(alias))
  return end?.[1]
}
