import type { CaaRecord } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import { getDomain } from 'tldts-icann'
import type { Obstacle } from './obstacle.ts'

/** Addresses of one family, none when there are none, or why a name server could not say. */
export type Addresses = { addresses: readonly string[] } | { error: string }

/** The CAA records that decide for a name, or why a name server could not say. */
export type Caa = CaaRules | { error: string }

export interface CaaRules {
  /** The name that has the records; undefined when none has. */
  owner: string | undefined
  /** The `issue` values, parameters included; undefined when every authority may issue. */
  issuers: readonly string[] | undefined
  /** Tags marked as critical that no authority knows. */
  strange: readonly string[]
}

/** What DNS says of a name, as this machine sees it. */
export interface NameRecords {
  a: Addresses
  aaaa: Addresses
  caa: Caa
}

export interface LookUpOptions {
  /** `address` or `address:port` of name servers instead of this machine's. */
  servers?: readonly string[]
  /** For the first try; each further one waits longer. */
  timeoutMs?: number
  tries?: number
}

/** Answers that mean: there is none. */
const NONE = ['ENODATA', 'ENOTFOUND']

/** Tags that say nothing about whether an ordinary certificate may be issued. */
const HARMLESS = ['issuewild', 'iodef', 'issuemail', 'issuevmc', 'contactemail', 'contactphone']

/**
 * Asks for A, AAAA and CAA of a name. CAA records hold from the name up to its registered domain;
 * the first ones found decide (RFC 8659). Never rejects.
 */
export async function lookUp(
  name: string,
  { servers, timeoutMs = 3000, tries = 2 }: LookUpOptions = {}
): Promise<NameRecords> {
  const resolver = new Resolver({ timeout: timeoutMs, tries })
  if (servers) resolver.setServers(servers)
  const [a, aaaa, caa] = await Promise.all([
    addresses(() => resolver.resolve4(name)),
    addresses(() => resolver.resolve6(name)),
    deciding(resolver, name)
  ])
  return { a, aaaa, caa }
}

/**
 * Why CAA records forbid an authority to issue for a name by a challenge over HTTP; undefined when
 * they do not, or when it is not known how the authority calls itself there. `identities` are its
 * names in CAA records, such as `letsencrypt.org`.
 */
export function caaForbids(
  name: string,
  caa: Caa,
  identities: readonly string[]
): Obstacle | undefined {
  if ('error' in caa) {
    return {
      found: `CAA records of ${name} cannot be had (${caa.error}), and then no authority issues`,
      todo: `let the name servers of ${name} answer questions for CAA, at least with 'none'`
    }
  }
  const { owner = name, issuers, strange } = caa
  if (strange.length > 0) {
    return {
      found: `CAA records of ${owner} have the critical tag ${strange.join(', ')}, which no authority knows`,
      todo: `remove that record of ${owner}`
    }
  }
  const [identity] = identities
  if (issuers === undefined || identity === undefined) return undefined
  const todo = `add the record: ${owner} CAA 0 issue "${identity}"`
  const ours = issuers.filter(issuer => identities.includes(authorityOf(issuer)))
  if (ours.length === 0) {
    const said = issuers.map(authorityOf).filter(Boolean).join(', ') || 'nobody'
    return { found: `CAA records of ${owner} allow ${said}, not ${identity}`, todo }
  }
  const methods = ours.map(methodsOf)
  if (methods.some(some => some === undefined || some.includes('http-01'))) return undefined
  const only = methods.flat().join(', ')
  return {
    found: `CAA records of ${owner} allow ${identity} only by ${only}, not by http-01`,
    todo
  }
}

function authorityOf(issuer: string): string {
  return (issuer.split(';')[0] as string).trim().toLowerCase()
}

/** The challenges that a record allows (RFC 8657); undefined when all. */
function methodsOf(issuer: string): string[] | undefined {
  const found = /;\s*validationmethods\s*=\s*([^;\s]*)/i.exec(issuer)?.[1]
  return found?.toLowerCase().split(',')
}

async function addresses(ask: () => Promise<string[]>): Promise<Addresses> {
  try {
    return { addresses: (await ask()).sort() }
  } catch (error) {
    const code = codeOf(error)
    return NONE.includes(code) ? { addresses: [] } : { error: code }
  }
}

async function deciding(resolver: Resolver, name: string): Promise<Caa> {
  const top = getDomain(name) ?? name
  for (let at = name; ; at = at.slice(at.indexOf('.') + 1)) {
    try {
      const records = await resolver.resolveCaa(at)
      if (records.length > 0) return rules(at, records)
    } catch (error) {
      const code = codeOf(error)
      if (!NONE.includes(code)) return { error: code }
    }
    if (at === top || !at.includes('.')) {
      return { owner: undefined, issuers: undefined, strange: [] }
    }
  }
}

function rules(owner: string, records: readonly CaaRecord[]): CaaRules {
  const said = records.flatMap(({ critical, ...properties }) =>
    Object.entries(properties)
      // Newer releases of Node put the type of the record, always CAA, beside its tag.
      .filter(([tag]) => tag !== 'type')
      .map(([tag, value]) => ({ critical, tag: tag.toLowerCase(), value }))
  )
  const issuers = said.filter(({ tag }) => tag === 'issue').map(({ value }) => String(value))
  const strange = said
    .filter(({ critical, tag }) => critical >= 128 && tag !== 'issue' && !HARMLESS.includes(tag))
    .map(({ tag }) => tag)
  return { owner, issuers: issuers.length > 0 ? issuers : undefined, strange }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown failure'
}
