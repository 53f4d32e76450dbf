/**
 * Two nginx configurations for the same place: one for HTTPS, which the compose file mounts, and one
 * that stands in for it while a certificate is missing.
 */
export interface Pair {
  /** The domain that it is for; undefined for the one of all others. */
  domain?: string | undefined
  http?: string | undefined
  https: string
}

/** The pairs of an app: the shared one, then those that domains bring themselves. */
export function pairsOf({
  http,
  https,
  pairs = {}
}: {
  http?: string | undefined
  https?: string | undefined
  pairs?: Readonly<Record<string, { http: string; https: string }>>
}): Pair[] {
  const shared = https === undefined ? [] : [{ http, https }]
  const own = Object.entries(pairs).map(([domain, files]) => ({ domain, ...files }))
  return [...shared, ...own]
}
