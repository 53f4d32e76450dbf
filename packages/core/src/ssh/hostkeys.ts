import type { ServerHostKeyAlgorithm } from 'ssh2'
import { UserError } from '../base/errors.ts'
import { list } from '../base/names.ts'
import { hostName, type KnownHost, matches } from './knownhosts.ts'
import { fingerprint, wireType } from './openssh.ts'

/** What is known of a host's keys before a connection is made. */
export interface Pins {
  /** As known_hosts names the host. */
  name: string
  keys: KnownHost[]
  revoked: KnownHost[]
  /** The names that other lines are for, as written. */
  others: string[]
  /** Whether a line for this host names a certificate authority, which is not supported. */
  authority: boolean
}

/** What a host showed, against its pins. */
export type Verdict = 'pinned' | 'unknown' | 'changed' | 'revoked'

/** Best first. An RSA key signs with SHA-2 here; `ssh-rsa` alone would mean SHA-1. */
const ALGORITHMS: Record<string, ServerHostKeyAlgorithm[]> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256']
}

/** The pins of a host among all known hosts. A line for the name without a port is for any port. */
export function pinsFor(known: readonly KnownHost[], host: string, port: number): Pins {
  const bare = host.toLowerCase()
  const exact = `[${bare}]:${port}`
  const own = known.filter(line => matches(line, exact) || (port === 22 && matches(line, bare)))
  const found = own.some(({ kind }) => kind === 'key')
    ? own
    : known.filter(line => matches(line, bare))
  const others = known.filter(line => !own.includes(line) && !found.includes(line))
  return {
    name: hostName(bare, port),
    keys: found.filter(({ kind }) => kind === 'key'),
    revoked: [...new Set([...own, ...found])].filter(({ kind }) => kind === 'revoked'),
    others: [...new Set(others.flatMap(({ names }) => names))],
    authority: found.some(({ kind }) => kind === 'authority')
  }
}

/**
 * The host key algorithms to ask for: those of the pinned keys, so that the server shows one that
 * is pinned and not another of its own. `seen` are types already shown that a fingerprint alone did
 * not fit. Empty when nothing is left to ask for.
 */
export function algorithmsFor(pins: Pins, seen: readonly string[] = []): ServerHostKeyAlgorithm[] {
  const any = pins.keys.length === 0 || pins.keys.some(({ type }) => type === undefined)
  const types = Object.keys(ALGORITHMS).filter(
    type => !seen.includes(type) && (any || pins.keys.some(key => key.type === type))
  )
  return types.flatMap(type => ALGORITHMS[type] ?? [])
}

/** Compares a host key, in SSH's wire format, with the pins. Pure: ssh2 asks again at each rekey. */
export function judge(pins: Pins, key: Buffer): Verdict {
  if (pins.revoked.some(line => line.key?.equals(key))) return 'revoked'
  if (pins.keys.length === 0) return 'unknown'
  const shown = fingerprint(key)
  const pinned = pins.keys.some(line => line.key?.equals(key) || line.fingerprint === shown)
  return pinned ? 'pinned' : 'changed'
}

/** The line to save as the variable, for a key that a host showed. */
export function knownHostsLine(pins: Pins, key: Buffer): string {
  return `${pins.name} ${wireType(key)} ${key.toString('base64')}`
}

/** No pin: what to save, after comparing. */
export function unknownHostKey(pins: Pins, key: Buffer): UserError {
  const why =
    pins.others.length > 0
      ? `it has other names only (${list(pins.others.map(shortName))})`
      : pins.authority
        ? 'it has only a @cert-authority, which is not supported'
        : 'it is empty'
  return new UserError(
    `the host key of ${pins.name} is not in the input 'known-hosts': ${why}; compare the ` +
      `fingerprint ${fingerprint(key)} with the one the server's console shows ` +
      `(${onConsole(key)}), then save this line as the variable: ${knownHostsLine(pins, key)}`
  )
}

/** Another key than the pinned one, or one that was revoked. */
export function changedHostKey(pins: Pins, shown: readonly Buffer[]): UserError {
  const key = shown[0] as Buffer
  const seen = shown.map(one => `${wireType(one)} ${fingerprint(one)}`).join(', ')
  return new UserError(
    `the host key of ${pins.name} has changed: it shows ${seen}; the input 'known-hosts' has ` +
      `${expected(pins)}. Either the server was reinstalled, or somebody stands in between and ` +
      `reads along: nothing was sent. Compare on the server's console (${onConsole(key)}); only ` +
      `when they agree, save this line as the variable: ${knownHostsLine(pins, key)}`
  )
}

/** The server has no key of a pinned type any more, so it showed none. */
export function lostHostKey(pins: Pins, offered: string): UserError {
  return new UserError(
    `the host key of ${pins.name} has changed: it offers only ${offered}; the input 'known-hosts' ` +
      `has ${expected(pins)}. Either the server was reinstalled, or somebody stands in between: ` +
      `nothing was sent. Compare on the server's console (cat /etc/ssh/ssh_host_*_key.pub), then ` +
      'update the variable'
  )
}

/** Pins of kinds that no handshake can use. */
export function unsupportedPins(pins: Pins): UserError {
  return new UserError(
    `the input 'known-hosts' pins ${pins.name} to ${expected(pins)} only, a kind of key that is not ` +
      'supported; add its ssh-ed25519, ecdsa-sha2-nistp256 or ssh-rsa key'
  )
}

/** A key that the pins say must never be trusted. */
export function revokedHostKey(pins: Pins, key: Buffer): UserError {
  return new UserError(
    `the host key of ${pins.name} (${fingerprint(key)}) is marked @revoked in the input ` +
      `'known-hosts': nothing was sent`
  )
}

function expected(pins: Pins): string {
  return pins.keys
    .map(line => `${line.type ?? ''} ${line.key ? fingerprint(line.key) : line.fingerprint}`.trim())
    .join(', ')
}

function onConsole(key: Buffer): string {
  const kind = (wireType(key) ?? '').replace(/^ssh-|-.*$/g, '')
  return `ssh-keygen -lf /etc/ssh/ssh_host_${kind}_key.pub`
}

function shortName(name: string): string {
  return name.startsWith('|') ? 'a hashed name' : name
}
