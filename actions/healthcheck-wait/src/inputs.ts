import {
  badInput,
  duration,
  integer,
  lines,
  optional,
  refuseUnknown,
  required
} from '@diveops/core/action/inputs'
import {
  type Expectation,
  type Matcher,
  parseMatcher,
  parseStatuses
} from '@diveops/core/health/expectation'
import { addressFor, parseResolution, portOf, type Resolution } from '@diveops/core/health/resolve'
import type { Patience } from '@diveops/core/health/wait'

/** What the step was asked for. */
export interface Inputs {
  url: URL
  resolutions: Resolution[]
  expected: Expectation
  patience: Patience
}

/** The names of all inputs, as in action.yml. */
export const NAMES = [
  'url',
  'resolve',
  'expect-status',
  'expect-body',
  'expect-header',
  'expect-release',
  'timeout',
  'interval',
  'consecutive',
  'min-cert-days'
] as const

/** Reads and checks every input. */
export function read(): Inputs {
  refuseUnknown(NAMES)
  const url = readUrl()
  return {
    url,
    resolutions: readResolutions(url),
    expected: readExpectation(url),
    patience: {
      timeoutMs: duration('timeout') ?? 60_000,
      intervalMs: duration('interval') ?? 250,
      consecutive: integer('consecutive', 1, 1000) ?? 1
    }
  }
}

function readUrl(): URL {
  const what = "a URL such as 'https://example.com/health/'"
  const text = required('url', what)
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') throw badInput('url', text, what)
  return url
}

function readResolutions(url: URL): Resolution[] {
  const entries = lines('resolve').map(line => {
    const entry = parseResolution(line)
    if (!entry) {
      throw badInput('resolve', line, "name:port:address, such as 'example.com:443:203.0.113.7'")
    }
    return entry
  })
  if (entries.length > 0 && addressFor(url, entries) === undefined) {
    const written = entries.map(entry => `${entry.name}:${entry.port}`).join(', ')
    throw badInput('resolve', written, `a line for the URL's own '${url.hostname}:${portOf(url)}'`)
  }
  return entries
}

function readExpectation(url: URL): Expectation {
  const status = optional('expect-status') ?? '200'
  const statuses = parseStatuses(status)
  if (!statuses) throw badInput('expect-status', status, "such as '200' or '200,204,300-399'")
  const body = optional('expect-body')
  const release = optional('expect-release')
  const minCertDays = integer('min-cert-days', 0, 3650)
  if (minCertDays !== undefined && url.protocol !== 'https:') {
    throw badInput('min-cert-days', String(minCertDays), 'an https URL to go with it')
  }
  return {
    statuses,
    headers: lines('expect-header').map(readHeader),
    ...(body !== undefined && { body: matcher('expect-body', body) }),
    ...(release !== undefined && { release }),
    ...(minCertDays !== undefined && { minCertDays })
  }
}

function readHeader(line: string): { name: string; value: Matcher } {
  const match = /^([!#$%&'*+.^_`|~\w-]+):\s*(.+)$/.exec(line)
  if (!match) throw badInput('expect-header', line, "'Name: value' or 'Name: /pattern/'")
  return { name: match[1] as string, value: matcher('expect-header', match[2] as string) }
}

function matcher(name: string, text: string): Matcher {
  const value = parseMatcher(text)
  if (value === undefined) throw badInput(name, text, 'text or a valid pattern such as /pattern/i')
  return value
}
