import { isIP } from 'node:net'
import type { Answer } from '../health/expectation.ts'
import { ask } from '../health/http.ts'
import { hostOf, portOf, type Resolution } from '../health/resolve.ts'
import { NoAnswer } from '../health/trouble.ts'
import type { Obstacle } from './obstacle.ts'
import { leadsTo } from './redirect.ts'

/** As many redirects as Let's Encrypt follows. */
const REDIRECTS = 10
const CHALLENGES = '/.well-known/acme-challenge/'
const LOGIN =
  /\b(log|sign)[ _-]?in\b|\biniciar sesi|\bsso\b|\bauth(orize|enticate)?\b|\bcdn-cgi\/access\b/i
const UNREACHABLE = ['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH']

export interface FetchOptions {
  /** The server's address or name, for messages. */
  server?: string | undefined
  /** Where the first request goes, and the only ports that redirects may lead to. */
  ports?: { http: number; https: number }
  /** Addresses for names that redirects lead to, instead of asking DNS. */
  resolutions?: readonly Resolution[]
  /** For connecting and for answering, each, at every redirect. */
  timeoutMs?: number
}

/**
 * Fetches the token as an authority does, by a name through one of its addresses, redirects
 * followed and certificates not verified. Returns undefined when it came, else what came instead.
 */
export async function fetchToken(
  name: string,
  address: string,
  token: string,
  options: FetchOptions = {}
): Promise<Obstacle | undefined> {
  const { server = 'this server', ports = { http: 80, https: 443 }, timeoutMs = 10_000 } = options
  const resolutions = [
    ...Object.values(ports).map(port => ({ name, port, address })),
    ...(options.resolutions ?? [])
  ]
  const visit: Visit = { name, server, url: challengeUrl(name, ports.http, token), redirects: 0 }
  const seen = new Set<string>()
  for (;;) {
    seen.add(visit.url.href)
    let answer: Answer
    try {
      answer = await ask(visit.url, { resolutions, trust: 'any', timeoutMs })
    } catch (error) {
      if (error instanceof NoAnswer) return noAnswer(error, visit)
      throw error
    }
    const next = leadsTo(answer, visit.url)
    if (next === undefined) return judgeAnswer(answer, token, visit)
    const wrong = judgeRedirect(next, ports, seen)
    if (wrong !== undefined) return { found: wrong, todo: directly(visit) }
    visit.url = next
    visit.redirects += 1
  }
}

/** Where a fetch has come to. */
interface Visit {
  name: string
  server: string
  url: URL
  redirects: number
}

function challengeUrl(name: string, port: number, token: string): URL {
  return new URL(`http://${name}:${port}${CHALLENGES}${token}`)
}

function noAnswer({ message, code = '' }: NoAnswer, visit: Visit): Obstacle {
  const { name, server } = visit
  const found = `${message}${after(visit)}`
  if (visit.redirects > 0) return { found, todo: directly(visit) }
  if (code === 'ECONNREFUSED') {
    return {
      found,
      todo: `let ${name} lead to ${server}, and the app's nginx publish port 80 there`
    }
  }
  if (UNREACHABLE.includes(code)) {
    return {
      found,
      todo: `open port 80 (TCP) in the firewalls of ${server} and of its provider, or let ${name} lead to ${server}`
    }
  }
  return {
    found,
    todo: `look at what listens on port 80 of ${server}, it should be the app's nginx`
  }
}

function judgeRedirect(
  next: URL,
  ports: { http: number; https: number },
  seen: ReadonlySet<string>
): string | undefined {
  const to = `${next.origin === 'null' ? next.protocol : next.origin}${shorten(next.pathname)}`
  if (!['http:', 'https:'].includes(next.protocol)) return `redirects to ${to}, which is not HTTP`
  if (!Object.values(ports).includes(portOf(next))) {
    return `redirects to port ${portOf(next)} (${to}), authorities follow only to 80 and 443`
  }
  if (isIP(hostOf(next)) !== 0) {
    return `redirects to an address (${to}), authorities follow only to names`
  }
  if (seen.has(next.href)) return `redirects in a circle, back to ${to}`
  if (seen.size > REDIRECTS) return `redirects more than ${REDIRECTS} times, the last time to ${to}`
  return undefined
}

function judgeAnswer(answer: Answer, token: string, visit: Visit): Obstacle | undefined {
  const { status, body, headers } = answer
  if (status === 200 && body.trim() === token) return undefined
  const { name, server } = visit
  const by = headers.server ? ` from ${shorten(headers.server)}` : ''
  if (isLogin(answer, visit)) {
    const what = titleOf(body) ? `, '${titleOf(body)}',` : ''
    return {
      found: `a login page${what} instead of our token (status ${status}${by})${after(visit)}`,
      todo: `let ${CHALLENGES} pass without a login`
    }
  }
  const what = status === 200 ? contentOf(body) : `status ${status}`
  const found = `${what} instead of our token${by}${after(visit)}`
  if (visit.redirects > 0) return { found, todo: directly(visit) }
  const ours = /nginx/i.test(headers.server ?? '')
  if (status === 404 && ours) return { found, todo: directly(visit) }
  if (status === 403 && ours) {
    return {
      found,
      todo: `make the challenges' folder on ${server} readable to all: chmod -R a+rX`
    }
  }
  return { found, todo: `let ${name} lead to ${server}, port 80, and to this app there` }
}

function isLogin({ status, body, headers }: Answer, { url, redirects }: Visit): boolean {
  if (status === 401 || headers['www-authenticate'] !== undefined) return true
  const led = redirects > 0 && LOGIN.test(`${url.hostname}${url.pathname}`)
  return led || LOGIN.test(titleOf(body) ?? '')
}

/** What to do when challenges should be answered at once, by nginx itself. */
function directly({ name }: Visit): string {
  return `serve location ^~ ${CHALLENGES} in the server of ${name} on port 80 itself, outside of any redirect`
}

function after({ url, redirects }: Visit): string {
  return redirects === 0 ? '' : ` after a redirect to ${url.origin}${shorten(url.pathname)}`
}

function titleOf(body: string): string | undefined {
  const title = shorten(/<title[^>]*>([^<]*)/i.exec(body)?.[1] ?? '')
  return title === '' ? undefined : title
}

function contentOf(body: string): string {
  const title = titleOf(body)
  if (title !== undefined) return `the page '${title}'`
  const line = body
    .replace(/<[^>]*>/g, ' ')
    .split('\n')
    .map(shorten)
    .find(text => text !== '')
  return line === undefined ? 'nothing' : `'${line}'`
}

/** Others' text, made fit to stand in one line of ours. */
function shorten(text: string): string {
  const line = text.replace(/[\s\p{Cc}]+/gu, ' ').trim()
  return line.length > 80 ? `${line.slice(0, 80)}...` : line
}
