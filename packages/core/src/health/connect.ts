import net from 'node:net'
import tls from 'node:tls'
import { formatDuration } from '../base/time.ts'
import { lifeLeft } from './life.ts'
import { hostOf, portOf } from './resolve.ts'
import { certificateTrouble, connectionTrouble, NoAnswer } from './trouble.ts'

/** An open connection to what a URL names, and how long its certificate is still valid. */
export interface Connection {
  socket: net.Socket
  /** `address:port`, for messages. */
  where: string
  certDays: number | undefined
  /** Which part of the certificate's life is left; undefined without TLS. */
  certLife: number | undefined
}

/**
 * The authorities to believe: those of `trust`, Node's own when undefined. `any` takes every
 * certificate, and knows none that a server does not send.
 */
export type Trust = tls.SecureContext | 'any'

export interface ConnectOptions {
  /** Connect here instead of asking DNS; the name stays what TLS and HTTP say. */
  address: string | undefined
  trust: Trust | undefined
  timeoutMs: number
}

/**
 * The certificate authorities to believe: Node's list and NODE_EXTRA_CA_CERTS, and what the machine
 * trusts, as curl does. Make it once, it takes some 50 ms.
 */
export function trust(authorities?: readonly string[]): tls.SecureContext {
  const own = authorities ?? [
    ...tls.getCACertificates('default'),
    ...tls.getCACertificates('system')
  ]
  return tls.createSecureContext({ ca: [...own] })
}

/** Opens a connection and verifies the certificate, unless any will do. Rejects with `NoAnswer`. */
export function connect(url: URL, options: ConnectOptions): Promise<Connection> {
  const host = hostOf(url)
  const port = portOf(url)
  const asked = `${options.address ?? host}:${port}`
  const secure = url.protocol === 'https:'
  return new Promise((resolve, reject) => {
    const socket = secure
      ? tls.connect(tlsOptions(host, port, options))
      : net.connect({ host: options.address ?? host, port })
    const fail = (trouble: NoAnswer) => {
      clearTimeout(timer)
      socket.destroy()
      reject(trouble)
    }
    const late = `no connection to ${asked} within ${formatDuration(options.timeoutMs)}`
    const timer = setTimeout(() => fail(new NoAnswer(late, 'ETIMEDOUT')), options.timeoutMs)
    const failed = (error: unknown) => fail(connectionTrouble(error, asked))
    socket.once('error', failed)
    socket.once('close', () =>
      fail(new NoAnswer(`${asked} closed the connection before it had answered`))
    )
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      const cert = secure ? (socket as tls.TLSSocket).getPeerCertificate() : undefined
      const verified = cert && options.trust !== 'any'
      const trouble = verified && verdict(socket as tls.TLSSocket, host, cert)
      if (trouble) return fail(new NoAnswer(trouble))
      clearTimeout(timer)
      socket.removeAllListeners('close')
      socket.off('error', failed)
      const where = `${socket.remoteAddress ?? host}:${port}`
      resolve({
        socket,
        where,
        certDays: cert && daysLeft(cert.valid_to),
        certLife: cert && partLeft(cert)
      })
    })
  })
}

function tlsOptions(host: string, port: number, { address, trust }: ConnectOptions) {
  const name = net.isIP(host) === 0 ? host : ''
  return {
    host: address ?? host,
    port,
    servername: name,
    ALPNProtocols: ['http/1.1'],
    ...(trust && {
      secureContext: trust === 'any' ? tls.createSecureContext({ ca: [] }) : trust
    }),
    // Judged by `verdict` before anything is sent, because with true Node drops the certificate,
    // and with it the dates and names that the message needs.
    rejectUnauthorized: false,
    checkServerIdentity: (_: string, cert: tls.PeerCertificate) =>
      tls.checkServerIdentity(host, cert)
  }
}

function verdict(socket: tls.TLSSocket, host: string, cert: tls.PeerCertificate) {
  if (socket.authorized) return undefined
  const error = socket.authorizationError as Error | string | undefined
  const code = typeof error === 'string' ? error : String((error as { code?: string })?.code)
  return certificateTrouble(code, host, cert)
}

function partLeft(cert: tls.PeerCertificate): number {
  const life = { notBefore: new Date(cert.valid_from), notAfter: new Date(cert.valid_to) }
  return lifeLeft(life, new Date())
}

function daysLeft(validTo: string): number {
  return Math.floor((new Date(validTo).getTime() - Date.now()) / 86_400_000)
}
