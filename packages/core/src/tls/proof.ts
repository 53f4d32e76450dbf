import { isIPv6 } from 'node:net'
import { errorMessage, UserError } from '../base/errors.ts'
import type { Trust } from '../health/connect.ts'
import type { Answer } from '../health/expectation.ts'
import { ask } from '../health/http.ts'
import { portOf } from '../health/resolve.ts'
import { NoAnswer } from '../health/trouble.ts'
import { reachable } from './addresses.ts'
import { type Certificate, covers, parseCertificate } from './certificate.ts'
import { breakIn, chainSent } from './chain.ts'
import type { NameRecords } from './dns.ts'
import { leadsTo } from './redirect.ts'

/** Headers that a site on HTTPS should send. */
const HEADERS = [
  'X-Frame-Options',
  'X-Content-Type-Options',
  'X-XSS-Protection',
  'Strict-Transport-Security',
  'Referrer-Policy'
]

/** What was seen of a name over the wire. `problems` disprove its HTTPS, `warnings` do not. */
export interface Proof {
  name: string
  /** Of the certificate served; of the one on disk when none is. */
  serial: string
  notAfter: Date
  problems: string[]
  warnings: string[]
}

/** What to prove: that a name is served, with the chain of `fullchain`, through an address. */
export interface ToProve {
  name: string
  address: string
  /** fullchain.pem as it is on the host. */
  fullchain: string
  ports?: { http: number; https: number }
  /** What this machine believes, for a warning when it would refuse the certificate. */
  trust?: Trust
  /** For connecting and for answering, each. */
  timeoutMs?: number
}

/** One address of a name under proof. */
interface Place {
  name: string
  address: string
  http: URL
  https: URL
  trust: Trust | undefined
  timeoutMs: number
}

/**
 * Proves a name's HTTPS as a visitor sees it: the certificate served is the one on disk, its chain
 * is complete and it is for the name, HTTP leads to HTTPS in one step, the headers are there.
 * Throws a `UserError` when `fullchain` holds no certificate.
 */
export async function prove(what: ToProve): Promise<Proof> {
  const { name, address, fullchain, ports, trust, timeoutMs = 10_000 } = what
  const disk = onDisk(name, fullchain)
  const place: Place = {
    name,
    address,
    http: new URL(`http://${name}:${ports?.http ?? 80}/`),
    https: new URL(`https://${name}:${ports?.https ?? 443}/`),
    trust,
    timeoutMs
  }
  const proof: Proof = {
    name,
    serial: disk.serial,
    notAfter: disk.notAfter,
    problems: [],
    warnings: []
  }
  if (await proveCertificate(place, disk, proof)) await proveHttps(place, proof)
  await proveHttp(place, proof)
  return proof
}

/** Proves a name through each of its addresses that this machine can reach; one of them must be. */
export async function proveName(
  records: Pick<NameRecords, 'a' | 'aaaa'>,
  what: Omit<ToProve, 'address'>,
  ipv6?: boolean
): Promise<Proof[]> {
  const addresses = reachable(records, ipv6)
  if (addresses.length > 0) {
    return Promise.all(addresses.map(address => prove({ ...what, address })))
  }
  const { name, fullchain } = what
  const { serial, notAfter } = onDisk(name, fullchain)
  const why =
    'error' in records.a ? `DNS fails with ${records.a.error}` : 'DNS has none that it can reach'
  const problem = `this machine finds no address of ${name} to prove HTTPS at: ${why}`
  return [{ name, serial, notAfter, problems: [problem], warnings: [] }]
}

function onDisk(name: string, fullchain: string): Certificate {
  const certificate = parseCertificate(fullchain)
  if (certificate) return certificate
  throw new UserError(`the server has no certificate for ${name} that can be read`)
}

/** Whether a certificate was served at all. */
async function proveCertificate(place: Place, disk: Certificate, proof: Proof): Promise<boolean> {
  const { name, address, https, timeoutMs } = place
  const at = seenAt(place)
  const chain = await answerOf(chainSent(https, address, timeoutMs))
  if (chain instanceof NoAnswer) {
    proof.problems.push(`${name} does not answer over HTTPS: ${errorMessage(chain)}`)
    return false
  }
  const served = parseCertificate(String(chain[0]))
  if (!served) {
    proof.problems.push(`${at} sends a certificate that cannot be read`)
    return false
  }
  proof.serial = served.serial
  proof.notAfter = served.notAfter
  if (served.x509.fingerprint256 !== disk.x509.fingerprint256) {
    proof.problems.push(
      `${at} serves certificate ${served.serial}, on disk is ${disk.serial}: its nginx has not read it, or the address is another server's`
    )
  }
  if (!covers(served, name)) {
    proof.problems.push(
      `${at} serves a certificate for ${served.names.join(', ') || 'no name'}, not for ${name}`
    )
  }
  const broken = breakIn(chain)
  if (broken >= 0) {
    proof.problems.push(
      `${at} sends a broken chain: certificate ${broken + 2} has not signed certificate ${broken + 1}`
    )
  } else if (chain.length < disk.chain) {
    proof.problems.push(
      `${at} sends ${chain.length} of the ${disk.chain} certificates in fullchain.pem: name fullchain.pem, not cert.pem, as ssl_certificate`
    )
  } else if (chain.length > disk.chain) {
    proof.warnings.push(`${chain.length} certificates are sent, fullchain.pem holds ${disk.chain}`)
  }
  return true
}

async function proveHttps(place: Place, { problems, warnings }: Proof): Promise<void> {
  const { https, name, trust } = place
  const believed = await answerOf(asked(place, https, trust))
  const answer =
    believed instanceof NoAnswer ? await answerOf(asked(place, https, 'any')) : believed
  if (answer instanceof NoAnswer) {
    problems.push(`https://${name}/ does not answer: ${errorMessage(answer)}`)
    return
  }
  if (believed instanceof NoAnswer) {
    warnings.push(`this machine does not accept the certificate: ${errorMessage(believed)}`)
  }
  if (answer.status >= 500) problems.push(`https://${name}/ answers ${answer.status}`)
  const next = leadsTo(answer, https)
  if (next && next.protocol !== 'https:') {
    problems.push(`https://${name}/ leads back to ${next.origin}/`)
  } else if (next && next.origin !== https.origin) {
    warnings.push(`https://${name}/ leads on to ${next.origin}/`)
  }
  const missing = HEADERS.filter(header => !answer.headers[header.toLowerCase()])
  if (missing.length > 0) warnings.push(`no header ${missing.join(', ')}`)
}

async function proveHttp(place: Place, { problems, warnings }: Proof): Promise<void> {
  const { http, https, name } = place
  const answer = await answerOf(asked(place, http))
  if (answer instanceof NoAnswer) {
    problems.push(`http://${name}/ does not answer: ${errorMessage(answer)}`)
    return
  }
  const next = leadsTo(answer, http)
  if (!next || (next.protocol !== 'https:' && next.hostname === name)) {
    problems.push(
      `http://${name}/ answers ${answer.status} and does not lead to HTTPS, expected one redirect (301) to https://${name}/`
    )
  } else if (next.hostname !== name || portOf(next) !== portOf(https)) {
    warnings.push(`http://${name}/ leads to ${next.origin}/, not to https://${name}/`)
  }
  if (answer.headers['strict-transport-security']) {
    warnings.push('Strict-Transport-Security is sent over HTTP, too, where browsers ignore it')
  }
}

function asked({ name, address, timeoutMs }: Place, url: URL, trust?: Trust): Promise<Answer> {
  return ask(url, { resolutions: [{ name, port: portOf(url), address }], trust, timeoutMs })
}

/** What comes, or why nothing does. */
function answerOf<T>(coming: Promise<T>): Promise<T | NoAnswer> {
  return coming.catch(error => {
    if (error instanceof NoAnswer) return error
    throw error
  })
}

function seenAt({ name, address }: Place): string {
  return `${name} at ${isIPv6(address) ? `[${address}]` : address}`
}
