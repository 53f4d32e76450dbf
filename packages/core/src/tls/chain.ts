import { X509Certificate } from 'node:crypto'
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls'
import { connect } from '../health/connect.ts'

/**
 * The certificates that a server sends for the name of a URL, its own first and each other one the
 * issuer of the one before it; those that belong to none are left out. Rejects with `NoAnswer`.
 */
export async function chainSent(
  url: URL,
  address: string,
  timeoutMs: number
): Promise<X509Certificate[]> {
  // With authorities to believe Node would add what the server leaves out.
  const { socket } = await connect(url, { address, trust: 'any', timeoutMs })
  const leaf = (socket as TLSSocket).getPeerCertificate(true)
  socket.destroy()
  return flatten(leaf)
}

function flatten(leaf: DetailedPeerCertificate): X509Certificate[] {
  const found = new Map<string, X509Certificate>()
  let one: DetailedPeerCertificate | undefined = leaf
  while (one?.raw && !found.has(one.fingerprint256)) {
    found.set(one.fingerprint256, new X509Certificate(one.raw))
    one = one.issuerCertificate
  }
  return [...found.values()]
}

/** Where a chain breaks: the index of the first certificate not signed by the next; -1 when none. */
export function breakIn(chain: readonly X509Certificate[]): number {
  return chain.findIndex((one, at) => {
    const next = chain[at + 1]
    return next !== undefined && !(one.checkIssued(next) && one.verify(next.publicKey))
  })
}
