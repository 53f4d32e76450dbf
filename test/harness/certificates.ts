import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const DAY = 86_400_000

/** A certificate and its key in PEM form, as node:https takes them. */
export interface Pair {
  cert: string
  key: string
}

/** What a certificate says; days count from now and may be negative. */
export interface Request {
  names: string[]
  fromDays?: number
  toDays?: number
}

/** A certificate authority for one test. */
export interface Authority {
  cert: string
  issue(request: Request): Promise<Pair>
  /** An authority that this one has signed. */
  intermediate(name: string): Promise<Authority>
}

/** Makes an authority that nothing trusts yet. */
export async function makeAuthority(name = 'Lab Root'): Promise<Authority> {
  const keys = await generateKeys()
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: ALGORITHM,
    ...validity({ names: [], toDays: 3650 }),
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)]
  })
  return authority(cert, keys)
}

function authority(ca: x509.X509Certificate, keys: webcrypto.CryptoKeyPair): Authority {
  const sign = (subject: string, publicKey: webcrypto.CryptoKey, rest: SignedPart) =>
    x509.X509CertificateGenerator.create({
      subject: `CN=${subject}`,
      issuer: ca.subject,
      publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: ALGORITHM,
      ...rest
    })
  return {
    cert: ca.toString('pem'),
    async issue(request) {
      const own = await generateKeys()
      const cert = await sign(request.names[0] as string, own.publicKey, {
        ...validity(request),
        extensions: [alternatives(request.names)]
      })
      return { cert: cert.toString('pem'), key: await pem(own.privateKey) }
    },
    async intermediate(name) {
      const own = await generateKeys()
      const cert = await sign(name, own.publicKey, {
        ...validity({ names: [], toDays: 365 }),
        extensions: [new x509.BasicConstraintsExtension(true, undefined, true)]
      })
      return authority(cert, own)
    }
  }
}

type SignedPart = Pick<x509.X509CertificateCreateParams, 'notBefore' | 'notAfter' | 'extensions'>

/** A certificate that is its own issuer. */
export async function makeSelfSigned(request: Request): Promise<Pair> {
  const keys = await generateKeys()
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${request.names[0]}`,
    keys,
    signingAlgorithm: ALGORITHM,
    ...validity(request),
    extensions: [alternatives(request.names)]
  })
  return { cert: cert.toString('pem'), key: await pem(keys.privateKey) }
}

/** Certificates in one PEM text, in their order. */
export function bundle(...certificates: readonly { cert: string }[]): string {
  return certificates.map(({ cert }) => `${cert.trim()}\n`).join('')
}

function generateKeys() {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
}

async function pem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')
}

function validity({ fromDays = -1, toDays = 90 }: Request) {
  return {
    notBefore: new Date(Date.now() + fromDays * DAY),
    // An hour more, so that whole days left are what was asked for.
    notAfter: new Date(Date.now() + toDays * DAY + 3_600_000)
  }
}

function alternatives(names: readonly string[]) {
  return new x509.SubjectAlternativeNameExtension(names.map(value => ({ type: 'dns', value })))
}
