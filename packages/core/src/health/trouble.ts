import type { PeerCertificate } from 'node:tls'

/** A request that got no answer: why, as a clause that can follow a colon. */
export class NoAnswer extends Error {
  override name = 'NoAnswer'
  /** The system's word for it, such as `ECONNREFUSED`, where there is one. */
  readonly code: string | undefined

  constructor(message: string, code?: string) {
    super(message)
    this.code = code
  }
}

const UNKNOWN_ISSUER = [
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN'
]

/** What is wrong with a certificate, from the verification's code and the certificate itself. */
export function certificateTrouble(code: string, name: string, cert: PeerCertificate): string {
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return `TLS: the certificate expired on ${day(cert.valid_to)}`
    case 'CERT_NOT_YET_VALID':
      return `TLS: the certificate is not yet valid, only from ${day(cert.valid_from)} on`
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `TLS: wrong name, the certificate is for ${names(cert)}, not for ${name}`
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return 'TLS: the certificate is self-signed'
  }
  if (UNKNOWN_ISSUER.includes(code)) {
    return (
      `TLS: unknown issuer '${first(cert.issuer?.CN ?? cert.issuer?.O) ?? 'without a name'}', ` +
      'or the server does not send its intermediate certificate'
    )
  }
  return `TLS: the certificate is not accepted (${code})`
}

/** Why a connection failed or broke, from Node's error. `where` is `address:port` or `name:port`. */
export function connectionTrouble(thrown: unknown, where: string): NoAnswer {
  const error = innermost(thrown)
  return new NoAnswer(describeTrouble(error, where), error.code)
}

function describeTrouble(error: NodeError, where: string): string {
  switch (error.code) {
    case 'ECONNREFUSED':
      return `connection refused by ${where}`
    case 'ENOTFOUND':
      return `the name '${error.hostname ?? where}' has no address in DNS`
    case 'EAI_AGAIN':
      return `DNS did not answer for '${error.hostname ?? where}'`
    case 'ECONNRESET':
    case 'EPIPE':
      return `${where} closed the connection before it had answered`
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `${where} cannot be reached (${error.code})`
  }
  if (error.code?.startsWith('HPE_')) return `${where} answered with something that is not HTTP`
  if (error.code?.includes('SSL') || error.code === 'EPROTO') {
    return `TLS: no handshake with ${where} (${error.code}); does this port speak TLS?`
  }
  return `${error.message || 'unknown failure'}${error.code ? ` (${error.code})` : ''}`
}

type NodeError = Error & { code?: string; hostname?: string }

/** Node tries each address of a name and reports all of them; the first says enough. */
function innermost(thrown: unknown): NodeError {
  const { errors } = thrown as { errors?: NodeError[] }
  return errors?.[0] ?? (thrown as NodeError)
}

function day(date: string): string {
  const parsed = new Date(date)
  return Number.isNaN(parsed.getTime()) ? date : parsed.toISOString().slice(0, 10)
}

function names(cert: PeerCertificate): string {
  const alternatives = (cert.subjectaltname ?? '').replace(/\b(DNS|IP Address):/g, '')
  return alternatives || (first(cert.subject?.CN) ?? 'no name at all')
}

function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}
