import type { Answer } from '../health/expectation.ts'

/** Statuses by which a browser goes elsewhere with the same request. */
const STATUSES = [301, 302, 307, 308]

/** Where an answer to `from` leads, without user and password; undefined when it is no redirect. */
export function leadsTo({ status, headers }: Answer, from: URL): URL | undefined {
  const { location } = headers
  if (!STATUSES.includes(status) || location === undefined) return undefined
  if (!URL.canParse(location, from.href)) return undefined
  const url = new URL(location, from)
  url.username = ''
  url.password = ''
  url.hash = ''
  return url
}
