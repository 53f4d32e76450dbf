import type { Socket } from 'node:net'
import { NodeSSH } from 'node-ssh'
import type { Client, ConnectConfig, ServerHostKeyAlgorithm } from 'ssh2'
import { errorMessage, UserError } from '../base/errors.ts'
import { formatDuration } from '../base/time.ts'
import { ConnectError } from './dial.ts'
import { judge, type Pins, type Verdict } from './hostkeys.ts'
import type { SshKey } from './keys.ts'

export interface HandshakeOptions {
  user: string
  /** `user@name:port`, for messages. */
  name: string
  key: SshKey
  pins: Pins
  /** Whether a host that has no pin is let through. */
  acceptUnknown: boolean
  hostKeyAlgorithms: ServerHostKeyAlgorithm[]
  timeoutMs: number
  keepaliveMs: number
  keepaliveCount: number
}

/** An authenticated connection and the host key that was accepted. */
export interface Handshake {
  client: Client
  socket: Socket
  hostKey: Buffer
}

/** The host showed a key that is not accepted; nothing was sent to it. */
export class HostKeyRefused extends Error {
  override name = 'HostKeyRefused'
  readonly key: Buffer
  readonly verdict: Verdict

  constructor(key: Buffer, verdict: Verdict) {
    super('host key refused')
    this.key = key
    this.verdict = verdict
  }
}

/** The host has none of the kinds of host key that were asked for. */
export class NoSuchHostKey extends Error {
  override name = 'NoSuchHostKey'
  /** The kinds it offers, separated by commas. */
  readonly offered: string

  constructor(offered: string) {
    super('no matching host key')
    this.offered = offered
  }
}

/** Strong and supported by every OpenSSH since 6.7: no SHA-1, no CBC, fast ciphers first. */
const ALGORITHMS = {
  kex: [
    'curve25519-sha256',
    'curve25519-sha256@libssh.org',
    'ecdh-sha2-nistp256',
    'ecdh-sha2-nistp384',
    'ecdh-sha2-nistp521',
    'diffie-hellman-group-exchange-sha256',
    'diffie-hellman-group16-sha512',
    'diffie-hellman-group18-sha512',
    'diffie-hellman-group14-sha256'
  ],
  cipher: [
    'aes128-gcm@openssh.com',
    'aes256-gcm@openssh.com',
    'chacha20-poly1305@openssh.com',
    'aes128-ctr',
    'aes192-ctr',
    'aes256-ctr'
  ],
  hmac: [
    'hmac-sha2-256-etm@openssh.com',
    'hmac-sha2-512-etm@openssh.com',
    'hmac-sha2-256',
    'hmac-sha2-512'
  ],
  compress: ['none']
} satisfies ConnectConfig['algorithms']

/** What was seen on the way, to tell causes apart. */
interface Seen {
  hostKey?: Buffer
  verdict?: Verdict
  /** The server's lists, by the names that ssh2 gives them. */
  offers: Map<string, string>
  /** The first bytes that the server sent. */
  greeting: string
  /** Keys are exchanged: from here on the server may count a failure against us. */
  authenticating: boolean
  methods?: readonly string[]
  partial?: boolean
}

/**
 * The SSH handshake on a connected socket: host key, then this key for this user and nothing else.
 * Throws `HostKeyRefused`, `NoSuchHostKey`, a passing `ConnectError` for what came before
 * authentication, or a `UserError`.
 */
export async function handshake(socket: Socket, options: HandshakeOptions): Promise<Handshake> {
  const { user, key, pins } = options
  const seen: Seen = { offers: new Map(), greeting: '', authenticating: false }
  const ssh = new NodeSSH()
  const connecting = ssh.connect({
    sock: socket,
    username: user,
    readyTimeout: options.timeoutMs,
    keepaliveInterval: options.keepaliveMs,
    keepaliveCountMax: options.keepaliveCount,
    algorithms: { ...ALGORITHMS, serverHostKey: options.hostKeyAlgorithms },
    hostVerifier: (shown: Buffer) => {
      const verdict = judge(pins, shown)
      seen.hostKey = shown
      seen.verdict = verdict
      return verdict === 'pinned' || (verdict === 'unknown' && options.acceptUnknown)
    },
    authHandler: (methods: readonly string[] | null, partial: boolean | null) => {
      if (methods === null) return { type: 'publickey', username: user, key: key.parsed }
      seen.methods = methods
      seen.partial = partial === true
      return false
    },
    debug: (line: string) => {
      const offer = /^Handshake: \(remote\) ([^:]+): (.*)/.exec(line)
      if (offer) seen.offers.set(offer[1] as string, offer[2] as string)
    }
  } as unknown as Parameters<NodeSSH['connect']>[0])
  const client = ssh.connection as Client | null
  // node-ssh takes its own listener away: without this one a reset ends the process.
  client?.on('error', () => {})
  client?.once('handshake', () => {
    seen.authenticating = true
  })
  socket.once('data', (chunk: Buffer) => {
    seen.greeting = chunk.toString('latin1', 0, 200)
  })
  try {
    await connecting
    return { client: client as Client, socket, hostKey: seen.hostKey as Buffer }
  } catch (error) {
    socket.destroy()
    throw explain(error, seen, options)
  }
}

function explain(error: unknown, seen: Seen, options: HandshakeOptions): Error {
  const { name, key } = options
  const message = errorMessage(error)
  if (/Host denied/.test(message) && seen.hostKey && seen.verdict) {
    return new HostKeyRefused(seen.hostKey, seen.verdict)
  }
  if (/no matching host key/i.test(message)) {
    return new NoSuchHostKey(seen.offers.get('Host key format') ?? 'others')
  }
  if (/no matching/i.test(message)) return noCommonAlgorithm(message, seen, name)
  const level = (error as { level?: string }).level
  if (level === 'client-authentication' || seen.methods !== undefined) {
    return refusedKey(seen, options)
  }
  if (!seen.authenticating) return notSpoken(message, level, seen, options)
  return new UserError(
    `${name}: the connection ended during authentication with the key ${key.type} ` +
      `${key.fingerprint}: ${message}; see the server's log (journalctl -u ssh)`
  )
}

function noCommonAlgorithm(message: string, seen: Seen, name: string): Error {
  const kex = seen.offers.get('KEX method') ?? ''
  if (/key exchange/i.test(message) && /sntrup|mlkem/.test(kex)) {
    return new UserError(
      `${name}: the server allows only post-quantum key exchange (${kex}), which is not supported ` +
        'here yet; add curve25519-sha256 to KexAlgorithms in its sshd_config'
    )
  }
  const offered = [...seen.offers].at(-1)?.[1] ?? 'nothing known'
  return new UserError(
    `${name}: ${message.replace(/^Handshake failed: /, '')}; the server offers ${offered}, which ` +
      'is not supported or no longer safe; update its OpenSSH or the algorithms in its sshd_config'
  )
}

function refusedKey(seen: Seen, { user, name, key }: HandshakeOptions): UserError {
  const own = `the key ${key.type} ${key.fingerprint}`
  if (seen.partial) {
    return new UserError(
      `${name}: the server accepts ${own} but wants a second proof as well ` +
        `(${seen.methods?.join(', ')}); exempt this user in its sshd_config (AuthenticationMethods)`
    )
  }
  if (seen.methods && !seen.methods.includes('publickey')) {
    return new UserError(
      `${name}: the server accepts no keys for user '${user}', only ${seen.methods.join(', ')}; ` +
        'set PubkeyAuthentication yes in its sshd_config'
    )
  }
  return new UserError(
    `${name}: the server does not let user '${user}' in with ${own}; check the input 'user', and ` +
      `that ~${user}/.ssh/authorized_keys on the server (its directory writable for nobody else) ` +
      `has this line: ${key.publicKey}`
  )
}

function notSpoken(
  message: string,
  level: string | undefined,
  seen: Seen,
  { name, timeoutMs }: HandshakeOptions
): Error {
  const said = seen.greeting.split(/[\r\n]/)[0]?.replace(/[^\x20-\x7e]/g, '?') ?? ''
  if (level === 'client-timeout') {
    return new ConnectError(
      `${name}: no SSH handshake within ${formatDuration(timeoutMs)}` +
        (said === '' ? ', the port is open but says nothing' : ''),
      true
    )
  }
  if (said === '') {
    return new ConnectError(
      `${name}: the server closed the connection before it said anything: too many connections at ` +
        'once (MaxStartups), or fail2ban or a firewall has banned this address',
      true
    )
  }
  if (!said.startsWith('SSH-')) {
    const busy = /exceeded|not allowed|too many/i.test(said)
    return new ConnectError(
      busy
        ? `${name}: the server turns the connection away: '${said}'`
        : `${name}: what answers there is not SSH (it says '${said}'); check the input 'port'`,
      busy
    )
  }
  return new ConnectError(`${name}: the handshake failed: ${message}`, level !== 'handshake')
}
