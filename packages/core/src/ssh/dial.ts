import { connect, type Socket } from 'node:net'
import { errorMessage, UserError } from '../base/errors.ts'
import { formatDuration } from '../base/time.ts'

/** A connection that did not come about. */
export class ConnectError extends UserError {
  override name = 'ConnectError'
  /** Whether the cause may pass by itself, so that another try has a chance. */
  readonly passing: boolean

  constructor(message: string, passing: boolean) {
    super(message)
    this.passing = passing
  }
}

/**
 * A TCP connection without Nagle's algorithm, which would cost a round trip or 40 ms per command.
 * Throws a `ConnectError` with the cause.
 */
export function dial(host: string, port: number, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    // The default gives each address of a name 250 ms, too little for a server far away.
    const attempt = { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 4000 }
    const socket = connect({ host, port, noDelay: true, keepAlive: true, ...attempt })
    const fail = (error: ConnectError) => {
      socket.destroy()
      reject(error)
    }
    const timer = setTimeout(() => fail(describe('ETIMEDOUT', host, port, timeoutMs)), timeoutMs)
    socket.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      fail(describe(codeOf(error), host, port, timeoutMs, error))
    })
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.removeAllListeners('error')
      // Until ssh2 listens, and after it has stopped: a reset must not end the process.
      socket.on('error', () => {})
      resolve(gathering(socket))
    })
  })
}

/**
 * Sends what is written within one turn of the event loop together. ssh2 writes each packet in
 * three pieces, and without Nagle's algorithm each piece would be a TCP segment of its own: ten of
 * them fill the first window, and the rest would wait for a round trip.
 */
function gathering(socket: Socket): Socket {
  const write = socket.write.bind(socket) as (...words: unknown[]) => boolean
  let corked = false
  socket.write = (...words: unknown[]) => {
    if (!corked) {
      corked = true
      socket.cork()
      setImmediate(() => {
        corked = false
        socket.uncork()
      })
    }
    return write(...words)
  }
  return socket
}

function codeOf(error: NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] }): string {
  return error.code ?? error.errors?.[0]?.code ?? ''
}

function describe(
  code: string,
  host: string,
  port: number,
  timeoutMs: number,
  error?: unknown
): ConnectError {
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_NONAME':
      return new ConnectError(
        `host '${host}' is unknown: no DNS entry has this name; check the input 'host'`,
        false
      )
    case 'EAI_AGAIN':
      return new ConnectError(
        `host '${host}' cannot be looked up: the name service does not answer (or the name is wrong)`,
        true
      )
    case 'ECONNREFUSED':
      return new ConnectError(
        `host '${host}' refuses connections to port ${port}: nothing listens there; check the ` +
          `input 'port' and that sshd runs`,
        true
      )
    case 'ETIMEDOUT':
      return new ConnectError(
        `host '${host}' does not answer on port ${port} within ${formatDuration(timeoutMs)}: the ` +
          'server is down, the address is wrong or a firewall drops connections',
        true
      )
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EADDRNOTAVAIL':
      return new ConnectError(
        `host '${host}' cannot be reached from here (${code}): no route to its address; a runner ` +
          'may have no IPv6',
        true
      )
    default:
      return new ConnectError(
        `host '${host}', port ${port}: ${errorMessage(error) || code}`,
        code === 'ECONNRESET'
      )
  }
}
