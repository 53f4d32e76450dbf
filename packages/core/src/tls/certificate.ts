import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'

/** What a certificate's file says: the first certificate in it, which is the site's own. */
export interface Certificate {
  /** DNS names that it is for, in lower case. */
  names: string[]
  /** Hexadecimal in lower case, without leading zeros. */
  serial: string
  notBefore: Date
  notAfter: Date
  /** How many certificates the file holds. */
  chain: number
  /** The public key, the same text for the same key. */
  publicKey: string
  x509: X509Certificate
}

const BLOCK = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/g

/** Reads a certificate and its chain in PEM form; undefined when it is none. */
export function parseCertificate(pem: string): Certificate | undefined {
  try {
    const x509 = new X509Certificate(pem)
    return {
      names: [...(x509.subjectAltName ?? '').matchAll(/\bDNS:"?([^",\s]+)/g)].map(match =>
        (match[1] as string).toLowerCase()
      ),
      serial: x509.serialNumber.toLowerCase().replace(/^0+(?=.)/, ''),
      notBefore: new Date(x509.validFrom),
      notAfter: new Date(x509.validTo),
      chain: pem.match(BLOCK)?.length ?? 1,
      publicKey: comparable(x509.publicKey),
      x509
    }
  } catch {
    return undefined
  }
}

/** The text by which a public key in PEM form is compared; undefined when it is none. */
export function parsePublicKey(pem: string): string | undefined {
  try {
    return comparable(createPublicKey(pem))
  } catch {
    return undefined
  }
}

function comparable(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'der' }).toString('base64')
}

/**
 * Whether browsers accept a certificate for a name as nginx writes it: `*.a.example` needs that very
 * wildcard, `.a.example` both it and the name itself.
 */
export function covers(certificate: Certificate, name: string): boolean {
  if (name.startsWith('.')) {
    return covers(certificate, name.slice(1)) && covers(certificate, `*${name}`)
  }
  if (name.startsWith('*')) return certificate.names.includes(name)
  // Browsers have not looked at the subject's common name for years.
  return certificate.x509.checkHost(name, { subject: 'never' }) !== undefined
}
