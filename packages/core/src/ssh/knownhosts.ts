import { createHmac } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import path from 'node:path'
import { UserError } from '../base/errors.ts'
import { wireType } from './openssh.ts'

/** One line of known hosts. Either `key` or `fingerprint` is there. */
export interface KnownHost {
  /** Names as written, hashed ones too; empty when the line names no host and so is for any. */
  names: string[]
  kind: 'key' | 'revoked' | 'authority'
  /** Such as `ssh-ed25519`; absent for a fingerprint without its kind. */
  type?: string
  /** The public key in SSH's wire format. */
  key?: Buffer
  /** `SHA256:...` */
  fingerprint?: string
}

const INPUT = `input 'known-hosts'`
const KEY_TYPE = /^(?:ssh|ecdsa|sk)-[\w@.-]+$/
const MARKERS: Record<string, KnownHost['kind']> = {
  '@revoked': 'revoked',
  '@cert-authority': 'authority'
}

/** The text of an input that holds either known hosts or the path of a file with them. */
export async function readKnownHosts(given: string | undefined): Promise<string> {
  const text = given?.trim() ?? ''
  if (text === '' || /\s/.test(text) || text.startsWith('SHA256:')) return text
  const file = path.resolve(text.replace(/^~(?=\/)/, homedir()))
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new UserError(
      `${INPUT}: got '${text}', expected known_hosts lines or a file with them ` +
        `(${(error as NodeJS.ErrnoException).code})`
    )
  }
}

/**
 * Lines as OpenSSH writes them, and as people paste them: a key without a host, a fingerprint
 * alone or as `ssh-keygen -l` prints it. Throws a `UserError` with the number of a line that is
 * neither, because an overlooked pin is worse than none.
 */
export function parseKnownHosts(text: string): KnownHost[] {
  const repaired = text.replace(/^\uFEFF/, '').replace(/(?:\\r)?\\n/g, '\n')
  return repaired.split(/\r\n?|\n/).flatMap((line, index) => {
    const words = line.trim().split(/\s+/)
    if (words[0] === '' || words[0]?.startsWith('#')) return []
    return [parseLine(words, index + 1)]
  })
}

function parseLine(words: string[], number: number): KnownHost {
  const printed = words.find(word => word.startsWith('SHA256:'))
  if (printed !== undefined && !words.some(word => word.startsWith('AAAA'))) {
    if (!/^SHA256:[A-Za-z0-9+/]{43}=?$/.test(printed)) throw bad(number, 'a damaged fingerprint')
    return { names: [], kind: 'key', fingerprint: printed.replace(/=$/, '') }
  }
  if (words.some(word => /^(?:MD5:)?(?:[0-9a-f]{2}:){15}[0-9a-f]{2}$/i.test(word))) {
    throw bad(number, 'an MD5 fingerprint, which is no longer safe')
  }
  const kind = MARKERS[words[0] ?? ''] ?? 'key'
  const rest = kind === 'key' ? words : words.slice(1)
  const named = KEY_TYPE.test(rest[0] ?? '') ? ['', ...rest] : rest
  const [names = '', type = '', base64 = ''] = named
  const key = Buffer.from(base64, 'base64')
  if (!KEY_TYPE.test(type)) throw bad(number, `'${words.slice(0, 2).join(' ').slice(0, 60)}'`)
  if (wireType(key) !== type) throw bad(number, `a damaged key of type '${type}'`)
  return { names: names === '' ? [] : names.split(','), kind, type, key }
}

function bad(number: number, got: string): UserError {
  return new UserError(
    `${INPUT}: line ${number} is ${got}, expected 'HOST ssh-ed25519 AAAA...' as ssh-keyscan and ` +
      `~/.ssh/known_hosts have it, or 'SHA256:...'`
  )
}

/** How known_hosts names a host: with its port unless that is 22. */
export function hostName(host: string, port: number): string {
  return port === 22 ? host : `[${host}]:${port}`
}

/** Whether a line is for this host, by OpenSSH's rules: hashes, wildcards, `!` takes back. */
export function matches(line: KnownHost, name: string): boolean {
  if (line.names.length === 0) return true
  const wanted = name.toLowerCase()
  const taken = line.names.filter(pattern => pattern.startsWith('!'))
  if (taken.some(pattern => matchesPattern(pattern.slice(1), wanted))) return false
  return line.names.some(pattern => !pattern.startsWith('!') && matchesPattern(pattern, wanted))
}

function matchesPattern(pattern: string, name: string): boolean {
  if (pattern.startsWith('|1|')) {
    const [, , salt = '', hash = ''] = pattern.split('|')
    const own = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64')
    return own === hash
  }
  const source = pattern
    .toLowerCase()
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.')
  return new RegExp(`^${source}$`).test(name)
}
