import { absolutePath, type Configuration } from './configuration.ts'

/** Files that nginx serves by itself: below which URL, from which folder of its container. */
export interface ServedFolder {
  /** `http://name` or `https://name` of the server that has it. */
  origin: string
  /** Path of the URL, with a slash at its end. */
  prefix: string
  /** With a slash at its end. */
  folder: string
}

/**
 * The folders that a configuration serves under a path of their own (`alias` or `root` in a location
 * with a plain prefix that hands nothing on), each once; challenges of certificates are not counted.
 */
export function servedFolders(configuration: Configuration): ServedFolder[] {
  const found = serversOf(configuration).flatMap(server => {
    const origin = originOf(server)
    return locationsOf(server, firstWord(server, 'root')).map(one => ({ origin, ...one }))
  })
  return found.filter(
    (one, index) =>
      found.findIndex(({ prefix, folder }) => prefix === one.prefix && folder === one.folder) ===
      index
  )
}

/** The user that nginx's workers run as. */
export function workerUser(configuration: Configuration): string {
  return firstWord(configuration, 'user') ?? 'nginx'
}

function serversOf(block: Configuration): Configuration[] {
  return block.flatMap(one =>
    !one.block ? [] : one.name === 'server' ? [one.block] : serversOf(one.block)
  )
}

function locationsOf(
  block: Configuration,
  around: string | undefined
): Pick<ServedFolder, 'prefix' | 'folder'>[] {
  return block.flatMap(one => {
    if (one.name !== 'location' || !one.block) return []
    const [first = '', second] = one.words
    const prefix = first === '^~' ? second : first
    if (!prefix?.startsWith('/') || prefix === '/' || prefix.startsWith('/.well-known')) return []
    if (one.block.some(({ name }) => name.endsWith('_pass') || name === 'return')) return []
    const alias = firstWord(one.block, 'alias')
    const root = firstWord(one.block, 'root') ?? around
    const folder = alias ?? (root === undefined ? undefined : root.replace(/\/$/, '') + prefix)
    if (folder === undefined || folder.includes('$')) return []
    return [{ prefix: slashed(prefix), folder: slashed(absolutePath(folder)) }]
  })
}

function originOf(server: Configuration): string {
  const listens = server.filter(({ name }) => name === 'listen')
  const secure = listens.some(({ words }) => words.includes('ssl') || words.includes('quic'))
  const names = server.flatMap(({ name, words }) => (name === 'server_name' ? words : []))
  const name = names.find(one => /^[a-z0-9.-]+\.[a-z0-9-]+$/i.test(one)) ?? 'localhost'
  return `${secure ? 'https' : 'http'}://${name}`
}

function firstWord(block: Configuration, name: string): string | undefined {
  return block.find(one => one.name === name)?.words[0]
}

function slashed(path: string): string {
  return path.endsWith('/') ? path : `${path}/`
}
