import { list } from '../base/names.ts'
import { LEAST_LIFE_LEFT, lifeLeft } from '../health/life.ts'
import type { Site } from '../proxy/sites.ts'
import { type Certificate, covers, parseCertificate, parsePublicKey } from './certificate.ts'

/** What keeps a certificate's file from being read. */
export type Trouble = 'missing' | 'dangling' | 'not-mounted' | 'empty' | 'unreadable'

/** What is known of a file with a certificate, a key or both. */
export interface CertificateFile {
  /** The certificates in it, in PEM form; empty when it has none. */
  certificates: string
  /**
   * The public half of the private key in it, in PEM form; `unknown` when it cannot be told here,
   * `broken` when it is no key; undefined when the file has none. The key itself stays on the host.
   */
  publicKey: string | undefined
}

/** What reading a file came to, by its path in nginx's container. */
export type Reading = (path: string) => CertificateFile | Trouble

/**
 * What a site's certificate is good for. `unusable`: nginx would not start, or visitors would be
 * refused. `unseen`: it cannot be told here. `expired`: nginx serves, and visitors are warned off.
 */
export interface Look {
  site: Site
  certificate: Certificate | undefined
  verdict: 'good' | 'unusable' | 'unseen' | 'expired'
  /** What is wrong, in plain words with path and cause; undefined when nothing is. */
  problem: string | undefined
}

const WORDS: Record<Trouble, (what: string) => string> = {
  missing: what => `there is no ${what}`,
  dangling: what => `the ${what} is a link that leads nowhere`,
  'not-mounted': what =>
    `the ${what} is a link out of what the proxy's container mounts; mount the whole folder`,
  empty: what => `the ${what} is empty`,
  unreadable: what => `the ${what} may not be read, and no proxy runs that could read it`
}

/** Looks at the certificate and the key of each site. */
export function look(sites: readonly Site[], read: Reading, now: Date): Look[] {
  return sites.map(site => {
    const found = judge(site, read, now)
    return { site, certificate: undefined, problem: undefined, ...found }
  })
}

function judge(
  { names, certificate: path, key: keyPath }: Site,
  read: Reading,
  now: Date
): Pick<Look, 'verdict'> & Partial<Look> {
  const file = read(path)
  if (typeof file === 'string') return inTrouble(file, `certificate ${path}`)
  const certificate = parseCertificate(file.certificates)
  if (!certificate) return unusable(`${path} is not a certificate`)
  const keyFile = read(keyPath)
  if (typeof keyFile === 'string') return inTrouble(keyFile, `key ${keyPath}`)
  const { publicKey } = keyFile
  if (publicKey === undefined || publicKey === 'broken') return unusable(`${keyPath} is not a key`)
  if (publicKey !== 'unknown' && parsePublicKey(publicKey) !== certificate.publicKey) {
    return unusable(`the key ${keyPath} does not match the certificate ${path}`)
  }
  const bare = names.find(name => !covers(certificate, name))
  if (bare !== undefined) {
    const covered = certificate.names.length > 0 ? list(certificate.names) : 'no name at all'
    return unusable(
      `the certificate ${path} does not cover server_name ${bare}: it is for ${covered}`
    )
  }
  if (certificate.notAfter <= now) {
    const problem = `certificate of ${siteName(names, path)} expired on ${day(certificate.notAfter)}`
    return { certificate, verdict: 'expired', problem }
  }
  return { certificate, verdict: 'good' }
}

function unusable(problem: string) {
  return { verdict: 'unusable' as const, problem }
}

function inTrouble(trouble: Trouble, what: string): Pick<Look, 'verdict' | 'problem'> {
  const verdict = trouble === 'unreadable' ? 'unseen' : 'unusable'
  return { verdict, problem: WORDS[trouble](what) }
}

/** What to warn of although the certificate serves: it expired, or should have been renewed. */
export function lifeWarning(
  { site, certificate, verdict, problem }: Look,
  now: Date
): string | undefined {
  if (verdict === 'expired') return `${problem}: run the setup-ssl action`
  if (!certificate || lifeLeft(certificate, now) >= LEAST_LIFE_LEFT) return undefined
  return (
    `certificate of ${siteName(site.names, site.certificate)} ends on ${day(certificate.notAfter)}, less ` +
    'than a third of its life is left: run the setup-ssl action'
  )
}

function siteName(names: readonly string[], path: string): string {
  return names[0] ?? path
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10)
}
