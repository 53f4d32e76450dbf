import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import pRetry from 'p-retry'
import type { Client, ClientChannel } from 'ssh2'
import { errorMessage, UserError } from '../base/errors.ts'
import { type Log, silentLog } from '../base/log.ts'
import type { Secrets } from '../base/secrets.ts'
import { type Clock, systemClock } from '../base/time.ts'
import { openShell } from './channel.ts'
import { ConnectError, dial } from './dial.ts'
import { type Handshake, HostKeyRefused, handshake, NoSuchHostKey } from './handshake.ts'
import type { Host, Result, RunOptions } from './host.ts'
import {
  algorithmsFor,
  changedHostKey,
  judge,
  knownHostsLine,
  lostHostKey,
  type Pins,
  pinsFor,
  revokedHostKey,
  unknownHostKey,
  unsupportedPins
} from './hostkeys.ts'
import { keySecrets, readKey, type SshKey } from './keys.ts'
import { parseKnownHosts, readKnownHosts } from './knownhosts.ts'
import { wireType } from './openssh.ts'
import { Session } from './session.ts'

/** Where to connect and as whom, as the user wrote it in the inputs of the same names. */
export interface Target {
  host: string
  port: number
  user: string
  /** A private key, in any shape that can be repaired. */
  sshKey: string
  passphrase?: string | undefined
  /** known_hosts lines, fingerprints, or the path of a file with them. */
  knownHosts?: string | undefined
  hostKeyPolicy: 'strict' | 'accept-unverified'
}

/** Seams and limits; all have defaults. Times in milliseconds. */
export interface ConnectOptions {
  log?: Log
  clock?: Clock
  /** Learns every form of the key before it is used. */
  secrets?: Secrets
  /** For one TCP connection, and again for one handshake. */
  timeoutMs?: number
  /** Tries after the first, for causes that may pass, and never once authentication has begun. */
  retries?: number
  /** The pause before the second try; then twice as long each, with jitter. */
  pauseMs?: number
  /** No further try begins after this. */
  totalMs?: number
  keepaliveMs?: number
  /** Unanswered keepalives after which the connection counts as lost. */
  keepaliveCount?: number
}

const DEFAULTS = {
  timeoutMs: 15_000,
  retries: 3,
  pauseMs: 1000,
  totalMs: 60_000,
  keepaliveMs: 5_000,
  keepaliveCount: 5
}

/** How long the network has to take our goodbye. */
const CLOSING_MS = 1000

/** One SSH connection: the host that scripts run on, and further channels beside it. */
export interface Connection extends Host {
  /** Hex that nobody can guess and both ends know; the scratch directory is named after it. */
  readonly nonce: string
  readonly clock: Clock
  /** Runs a POSIX shell program on a channel of its own, given by standard input. */
  open(source: string): Promise<ClientChannel>
}

/**
 * Connects once, for a whole run. The key is checked before anything is sent, the host key before
 * anything is said about the user. Throws a `UserError` with one cause and what to do.
 */
export async function connect(target: Target, options: ConnectOptions = {}): Promise<Connection> {
  const limits = { ...DEFAULTS, ...options }
  const log = options.log ?? silentLog
  for (const secret of keySecrets(target.sshKey, target.passphrase)) options.secrets?.add(secret)
  const place = checkPlace(target)
  const key = readKey(target.sshKey, target.passphrase)
  const known = parseKnownHosts(await readKnownHosts(target.knownHosts))
  const pins = pinsFor(known, place.host, place.port)
  const settings = {
    ...limits,
    ...place,
    key,
    pins,
    acceptUnknown: target.hostKeyPolicy === 'accept-unverified'
  }
  const { client, socket, hostKey } = await pRetry(() => verified(settings), {
    retries: limits.retries,
    minTimeout: limits.pauseMs,
    maxRetryTime: limits.totalMs,
    randomize: true,
    shouldRetry: ({ error }) => error instanceof ConnectError && error.passing,
    onFailedAttempt: ({ error, retriesLeft }) => {
      if (!(error instanceof ConnectError && error.passing) || retriesLeft === 0) return
      log.info(`${errorMessage(error)}; trying again (${retriesLeft} left)`)
    }
  })
  if (judge(pins, hostKey) === 'unknown') {
    log.warning(
      `the host key of ${place.name} was not verified, anybody could have answered; save this line ` +
        `in the input 'known-hosts': ${knownHostsLine(pins, hostKey)}`
    )
  }
  return connection(client, socket, place.name, options.clock ?? systemClock, limits.timeoutMs)
}

interface Settings {
  host: string
  port: number
  user: string
  name: string
  key: SshKey
  pins: Pins
  acceptUnknown: boolean
  timeoutMs: number
  keepaliveMs: number
  keepaliveCount: number
}

/** One connection, or a few when a bare fingerprint leaves open which kind of host key it is of. */
async function verified(settings: Settings): Promise<Handshake> {
  const { pins, acceptUnknown } = settings
  const shown: Buffer[] = []
  for (;;) {
    const types = shown.map(key => wireType(key) ?? '')
    const hostKeyAlgorithms = algorithmsFor(pins, types)
    if (hostKeyAlgorithms.length === 0) {
      throw shown.length > 0 ? changedHostKey(pins, shown) : unsupportedPins(pins)
    }
    try {
      const socket = await dial(settings.host, settings.port, settings.timeoutMs)
      return await handshake(socket, { ...settings, acceptUnknown, hostKeyAlgorithms })
    } catch (error) {
      if (error instanceof NoSuchHostKey) {
        throw shown.length > 0 ? changedHostKey(pins, shown) : lostHostKey(pins, error.offered)
      }
      if (!(error instanceof HostKeyRefused)) throw error
      if (error.verdict === 'unknown') throw unknownHostKey(pins, error.key)
      if (error.verdict === 'revoked') throw revokedHostKey(pins, error.key)
      shown.push(error.key)
      if (pins.keys.every(({ type }) => type !== undefined)) throw changedHostKey(pins, shown)
    }
  }
}

function connection(
  client: Client,
  socket: Socket,
  name: string,
  clock: Clock,
  startTimeoutMs: number
): Connection {
  const nonce = randomBytes(16).toString('hex')
  let reason = 'the host closed the connection'
  client.on('error', error => {
    reason = /keepalive/i.test(error.message)
      ? 'the host no longer answers (keepalive timeout)'
      : errorMessage(error)
  })
  const session = new Session(client, { name, nonce, clock, startTimeoutMs })
  client.once('close', () => session.lost(reason))
  return {
    name,
    nonce,
    clock,
    run: (script: string, options?: RunOptions): Promise<Result> => session.run(script, options),
    open: source => openShell(client, source),
    close: async () => {
      await session.close()
      if (socket.destroyed) return
      const sent = new Promise<void>(resolve => {
        socket.once('finish', resolve).once('close', resolve)
        setTimeout(resolve, CLOSING_MS).unref()
      })
      // Not client.end(): sshd drops what it has not handed on yet when it reads 'disconnect', and the
      // last words of the lock would be lost.
      socket.end()
      await sent
      if (!socket.writableFinished) socket.destroy()
      // The host's own goodbye is a round trip away and says nothing more: neither the socket nor
      // ssh2's keepalive timer, which this clears, shall hold the process until then.
      socket.unref()
      ;(client as unknown as { _resetKA?: () => void })._resetKA?.()
    }
  }
}

/** The inputs that say where to connect, refused when they cannot be what they should. */
function checkPlace(target: Target): { host: string; port: number; user: string; name: string } {
  const host = target.host.trim().replace(/^\[(.*)\]$/, '$1')
  const user = target.user.trim()
  const bad = (input: string, value: string, expected: string) =>
    new UserError(
      value === ''
        ? `input '${input}' is empty, expected ${expected}`
        : `input '${input}': got ${JSON.stringify(value)}, expected ${expected}`
    )
  if (/^[^:]+:\d+$/.test(host))
    throw bad('host', host, `a name or address; the port is input 'port'`)
  if (host.includes('@')) throw bad('host', host, `a name or address; the user is input 'user'`)
  if (!/^[\p{L}\p{N}:][\p{L}\p{N}._:%-]*$/u.test(host)) {
    throw bad('host', host, `a name or address such as 'example.com'`)
  }
  if (!/^[\p{L}\p{N}._][^\s\p{Cc}]*$/u.test(user)) {
    throw bad('user', user, `a user name such as 'deploy'`)
  }
  if (!Number.isInteger(target.port) || target.port < 1 || target.port > 65_535) {
    throw bad('port', String(target.port), 'a number from 1 to 65535')
  }
  const bracketed = host.includes(':') ? `[${host}]` : host
  return { host, port: target.port, user, name: `${user}@${bracketed}:${target.port}` }
}
