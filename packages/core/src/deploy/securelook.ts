import { randomBytes } from 'node:crypto'
import { hostPath } from '../app/compose.ts'
import { trust } from '../health/connect.ts'
import { LEAST_LIFE_LEFT, lifeLeft } from '../health/life.ts'
import { readConfiguration } from '../proxy/configuration.ts'
import { challengeRoot } from '../proxy/sites.ts'
import { reachable } from '../tls/addresses.ts'
import { caaNames } from '../tls/authority.ts'
import { covers, parseCertificate, parsePublicKey } from '../tls/certificate.ts'
import { caaForbids, lookUp } from '../tls/dns.ts'
import { readHostView } from '../tls/hostview.ts'
import type { Lineage } from '../tls/lineages.ts'
import {
  judgeAuthority,
  judgeClocks,
  judgeName,
  type NameSeen,
  type PreflightRow
} from '../tls/preflight.ts'
import { type Proof, proveName } from '../tls/proof.ts'
import { fetchToken } from '../tls/reach.ts'
import type { HostCertificate } from './certificates.ts'
import type { Live, SecureRequest } from './live.ts'
import { hostLookScript, removeTokenScript, TOKEN } from './obtain.ts'
import type { Run } from './run.ts'

/** A certificate that is wanted, and why it must be ordered; undefined when what is there will do. */
export interface FirstLook {
  lineage: Lineage
  why: string | undefined
}

/** Looks at the certificates on the host's disk. */
export function firstLook({ facts, place }: Live, wanted: readonly Lineage[]): FirstLook[] {
  const now = new Date(facts.clock * 1000)
  return wanted.map(lineage => {
    const folder = `${place.path}/certs/live/${lineage.name}`
    const file = facts.certificates.get(`${folder}/fullchain.pem`)
    const key = facts.certificates.get(`${folder}/privkey.pem`)
    return { lineage, why: whyOrder(lineage, file, key, now) }
  })
}

function whyOrder(
  { names }: Lineage,
  file: HostCertificate | undefined,
  key: HostCertificate | undefined,
  now: Date
): string | undefined {
  if (file === undefined || key === undefined) return 'there is no certificate yet'
  const certificate = typeof file === 'string' ? undefined : parseCertificate(file.certificates)
  if (!certificate || typeof key === 'string') return 'its certificate cannot be used'
  const half = key.publicKey
  if (half !== 'unknown' && parsePublicKey(half ?? '') !== certificate.publicKey) {
    return 'its key does not match its certificate'
  }
  const bare = names.find(name => !covers(certificate, name))
  if (bare !== undefined) return `its certificate is not for ${bare}`
  if (lifeLeft(certificate, now) < LEAST_LIFE_LEFT) {
    return `its certificate ends on ${certificate.notAfter.toISOString().slice(0, 10)}`
  }
  return undefined
}

/** What the preflight found. */
export interface Ahead {
  rows: PreflightRow[]
  /** The folder on the host from which challenges are served. */
  webroot: string
  profiles: readonly string[]
}

/** The preflight of an order: everything that an authority would stumble over, at no cost. */
export async function lookAhead(
  live: Live,
  needed: readonly Lineage[],
  { directory }: SecureRequest,
  run: Run
): Promise<Ahead> {
  const folder = webrootOf(live)
  if (typeof folder !== 'string') return { rows: [folder], webroot: '', profiles: [] }
  const names = [...new Set(needed.flatMap(one => one.names))]
  const token = `${TOKEN}${randomBytes(12).toString('hex')}`
  const asked = { names, token, directory }
  const said = await run.script(hostLookScript(live.place, folder, asked))
  const view = readHostView(said.get('view') ?? '')
  const allowed = caaNames(directory, 'error' in view.directory ? [] : view.directory.caa)
  const seen = await Promise.all(names.map(name => see(name, token, allowed, view.own[0])))
  await run.script(removeTokenScript(live.place, folder, asked))
  return {
    rows: [
      judgeAuthority(view, directory),
      judgeClocks(live.facts.clock * 1000 - run.seams.clock.now()),
      ...misplaced(live, needed),
      ...seen.map(one => judgeName(one, view, token))
    ],
    webroot: folder,
    profiles: 'error' in view.directory ? [] : view.directory.profiles
  }
}

async function see(
  name: string,
  token: string,
  allowed: readonly string[],
  server: string | undefined
): Promise<NameSeen> {
  const { a, aaaa, caa } = await lookUp(name)
  const answers = await Promise.all(
    reachable({ a, aaaa }).map(
      async address => [address, await fetchToken(name, address, token, { server })] as const
    )
  )
  return { name, a, aaaa, caa: caaForbids(name, caa, allowed), answers: new Map(answers) }
}

/** The folder on the host from which nginx serves challenges, or the row that says what is missing. */
export function webrootOf({ facts, project, proxy }: Live): string | PreflightRow {
  const root = challengeRoot(readConfiguration(facts.nginx ?? ''))
  const name = 'nginx'
  const location =
    'location ^~ /.well-known/acme-challenge/ { root /etc/nginx/certs/webroot; default_type text/plain; }'
  if (root === undefined) {
    return {
      name,
      found: 'serves no folder for challenges on port 80',
      todo: `add to the server that listens on port 80, outside of any redirect: ${location}`
    }
  }
  const folder = hostPath(project, proxy, root)
  if (folder !== undefined) return folder
  return {
    name,
    found: `serves challenges from ${root}, which is not a folder of the server`,
    todo: `mount the folder certs of the app at /etc/nginx/certs, and use: ${location}`
  }
}

/** Sites whose certificate is expected elsewhere than where certbot puts it. */
function misplaced(live: Live, needed: readonly Lineage[]): PreflightRow[] {
  const { release, project, proxy, place } = live
  const sites = release.pairs.flatMap(pair => pair.sites ?? [])
  return sites.flatMap(({ names, certificate }) => {
    const lineage = needed.find(one => one.names.some(name => names.includes(name)))
    const wanted = lineage && `${place.path}/certs/live/${lineage.name}/fullchain.pem`
    if (!lineage || hostPath(project, proxy, certificate) === wanted) return []
    return [
      {
        name: 'nginx',
        found: `expects the certificate of ${names.join(', ')} at ${certificate}`,
        todo: `name it where it will be: the folder certs of the app, below it live/${lineage.name}/fullchain.pem (and privkey.pem)`
      }
    ]
  })
}

/** Proves every name of the certificates over the wire, through each of its addresses. */
export async function proveAll(
  { facts, place }: Live,
  wanted: readonly Lineage[]
): Promise<Proof[]> {
  const believed = trust()
  const proofs = wanted.flatMap(({ name, names }) => {
    const file = facts.certificates.get(`${place.path}/certs/live/${name}/fullchain.pem`)
    const fullchain = typeof file === 'object' ? file.certificates : ''
    return names.map(async one =>
      proveName(await lookUp(one), { name: one, fullchain, trust: believed })
    )
  })
  return (await Promise.all(proofs)).flat()
}
