import type { Project } from '../app/compose.ts'
import type { Pair } from '../app/pairs.ts'
import type { Variant } from '../proxy/variant.ts'
import type { ManifestPair } from '../release/manifest.ts'
import { type Look, lifeWarning, look } from '../tls/look.ts'
import { readingFor } from './certificates.ts'
import type { Facts } from './facts.ts'

/** A pair with the sites of its HTTPS configuration; undefined when they were not recorded. */
export type KnownPair = Pair & Pick<ManifestPair, 'sites'>

/** Which configuration of each pair serves with the certificates that the host has now. */
export interface Choice {
  pairs: ManifestPair[]
  /**
   * HTTPS when every pair has chosen it. The variables that follow it (redirect to HTTPS, cookies for
   * HTTPS only) hold for the whole app: with one domain still on HTTP its visitors would be sent
   * where nobody answers, whereas a domain on HTTPS lacks no more than the app's own redirect.
   */
  variant: Variant
  /** What the user is to know: why HTTPS was not chosen, what expires. */
  warnings: string[]
}

const REMEDY = 'run the setup-ssl action'

/**
 * Chooses each pair's configuration by looking at the certificates of its HTTPS sites; those of
 * `stay` keep the HTTP-only one.
 */
export function choosePairs(
  known: readonly KnownPair[],
  facts: Facts,
  project: Project,
  proxy: string | undefined,
  stay: readonly KnownPair[] = []
): Choice {
  const now = new Date(facts.clock * 1000)
  const warnings = new Set<string>()
  const pairs = known.map(pair => ({ ...pair, variant: choose(pair) }))
  const { renewal } = facts
  if (renewal?.result === 'failed' && pairs.length > 0) {
    const why = renewal.error ? `: ${renewal.error}` : ''
    warnings.add(
      `the last renewal of the certificates failed (${renewal.at}${why}); ` +
        'once that is mended, run ./init-ssl.sh --renew on the server'
    )
  }
  const secure = pairs.every(({ variant }) => variant === 'https')
  return { pairs, variant: secure ? 'https' : 'http', warnings: [...warnings] }

  function choose(pair: KnownPair): Variant {
    const { http, https, sites, domain } = pair
    if (stay.includes(pair)) return 'http'
    if (proxy === undefined) return 'https'
    if (sites === undefined) return todays(pair, facts)
    const looks = look(sites, readingFor(project, proxy, facts.certificates), now)
    const unusable = problemOf(looks, 'unusable')
    const unseen = problemOf(looks, 'unseen')
    for (const one of looks) {
      const warning = lifeWarning(one, now)
      if (warning !== undefined) warnings.add(warning)
    }
    if (unusable === undefined && unseen === undefined) return 'https'
    const whose = domain === undefined ? '' : ` for ${domain}`
    if (http === undefined) {
      warnings.add(
        `${unusable ?? unseen}, and nginx has no HTTP-only configuration to start with${whose}: set 'proxy.http' in diveops.yml`
      )
      return 'https'
    }
    // What we may not read nginx may: its root reads it, and read it when this was chosen before.
    const variant = unusable === undefined ? todays(pair, facts) : 'http'
    const file = variant === 'https' ? `keeps ${https}` : `serves the HTTP-only ${http}`
    warnings.add(`nginx ${file}${whose}: ${unusable ?? unseen}; ${REMEDY}`)
    return variant
  }
}

function problemOf(looks: readonly Look[], verdict: Look['verdict']): string | undefined {
  return looks.find(one => one.verdict === verdict)?.problem
}

function todays({ https }: Pair, { current }: Facts): Variant {
  return current?.pairs.find(pair => pair.https === https)?.variant ?? 'http'
}

/** Where each domain of the app answers: over HTTPS when its own pair, else the shared one, does. */
export function originsOf(
  pairs: readonly ManifestPair[],
  domains: readonly (readonly string[])[]
): string[] {
  const shared = pairs.find(({ domain }) => domain === undefined)
  const families = domains.length > 0 ? domains : [['localhost']]
  return families.flatMap(family => {
    const own = pairs.find(({ domain }) => domain !== undefined && family.includes(domain))
    const scheme = (own ?? shared)?.variant ?? 'http'
    return family.map(name => `${scheme}://${name}`)
  })
}

/** Where the first domain of the app answers; undefined when it names none. */
export function addressOf(
  pairs: readonly ManifestPair[],
  domains: readonly (readonly string[])[]
): string | undefined {
  return domains.length > 0 ? originsOf(pairs, domains)[0] : undefined
}

/** Files of a release that stand at another path while live: the HTTP-only ones, by that path. */
export function standIns(pairs: readonly ManifestPair[]): Map<string, string> {
  return new Map(
    pairs.flatMap(({ variant, http, https }) =>
      variant === 'http' && http !== undefined ? [[https, http] as const] : []
    )
  )
}
