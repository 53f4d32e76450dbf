import { formatDuration } from '../base/time.ts'

/** A text that must occur, or a pattern that must match. */
export type Matcher = string | RegExp

/** What an answer must be like; what is absent is not looked at. */
export interface Expectation {
  /** Inclusive ranges, a single status being a range of one. */
  statuses: readonly (readonly [number, number])[]
  body?: Matcher
  headers?: readonly { name: string; value: Matcher }[]
  release?: string
  /** Whole days that the certificate must still be valid for. */
  minCertDays?: number
}

/** What an address answered to one request. */
export interface Answer {
  status: number
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>
  /** Its first mebibyte at most. */
  body: string
  /** What the app says it is: header `X-Release`, or the field `release` of a JSON body. */
  release: string | undefined
  /** Whole days until the certificate ends; undefined without TLS. */
  certDays: number | undefined
  /** Which part of the certificate's life is left; undefined without TLS. */
  certLife: number | undefined
  ms: number
}

/** The ranges of `200`, `200,204` or `200,300-399`; undefined when it is no such list. */
export function parseStatuses(text: string): [number, number][] | undefined {
  const ranges: [number, number][] = []
  for (const part of text.split(/[\s,]+/).filter(word => word !== '')) {
    const match = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(part)
    if (!match) return undefined
    const first = Number(match[1])
    const last = Number(match[2] ?? match[1])
    if (last < first) return undefined
    ranges.push([first, last])
  }
  return ranges.length > 0 ? ranges : undefined
}

/** Text, or the pattern of `/pattern/flags`; undefined when the pattern is none. */
export function parseMatcher(text: string): Matcher | undefined {
  const match = /^\/(.+)\/([dgimsuvy]*)$/s.exec(text)
  if (!match) return text
  try {
    // g and y would make a pattern remember where its last match ended.
    return new RegExp(match[1] as string, (match[2] as string).replace(/[gy]/g, ''))
  } catch {
    return undefined
  }
}

/** The release that an answer names, or undefined. */
export function releaseOf(
  headers: Readonly<Record<string, string>>,
  body: string
): string | undefined {
  const header = headers['x-release']?.trim()
  if (header) return header
  if (!body.trimStart().startsWith('{')) return undefined
  try {
    const { release } = JSON.parse(body) as { release?: unknown }
    return typeof release === 'string' || typeof release === 'number' ? String(release) : undefined
  } catch {
    return undefined
  }
}

/** What is wrong with an answer, a clause each; empty when it is as expected. */
export function differences(expected: Expectation, answer: Answer): string[] {
  const found: string[] = []
  if (!expected.statuses.some(([first, last]) => first <= answer.status && answer.status <= last)) {
    found.push(`status ${answer.status}, expected ${formatStatuses(expected.statuses)}`)
  }
  for (const { name, value } of expected.headers ?? []) {
    const actual = answer.headers[name.toLowerCase()]
    if (actual === undefined) found.push(`no header ${name}`)
    else if (typeof value === 'string' ? actual.trim() !== value : !value.test(actual)) {
      found.push(`header ${name} is '${shorten(actual)}', expected ${formatMatcher(value)}`)
    }
  }
  if (expected.body !== undefined && !occurs(expected.body, answer.body)) {
    found.push(`body lacks ${formatMatcher(expected.body)}`)
  }
  if (expected.release !== undefined && answer.release !== expected.release) {
    const actual = answer.release === undefined ? 'no release named' : `release ${answer.release}`
    found.push(`${actual}, expected ${expected.release}`)
  }
  if (expected.minCertDays !== undefined && (answer.certDays ?? 0) < expected.minCertDays) {
    found.push(
      `certificate ends in ${answer.certDays ?? 0} days, expected at least ${expected.minCertDays}`
    )
  }
  return found
}

/** An answer as log lines: status, time and the beginning of the body. */
export function describeAnswer(answer: Answer): string[] {
  const type = answer.headers['content-type'] ?? 'no content type'
  const body = answer.body.trim().split(/\r?\n/).slice(0, 10).map(shorten)
  return [`status ${answer.status} after ${formatDuration(answer.ms)}, ${type}`, ...body]
}

function occurs(matcher: Matcher, text: string): boolean {
  return typeof matcher === 'string' ? text.includes(matcher) : matcher.test(text)
}

function formatMatcher(matcher: Matcher): string {
  return typeof matcher === 'string' ? `'${shorten(matcher)}'` : String(matcher)
}

function formatStatuses(ranges: readonly (readonly [number, number])[]): string {
  return ranges
    .map(([first, last]) => (first === last ? String(first) : `${first}-${last}`))
    .join(' or ')
}

function shorten(text: string): string {
  return text.length > 160 ? `${text.slice(0, 160)}...` : text
}
