import { randomUUID } from 'node:crypto'
import { Agent, request } from 'node:http'
import { Http2Visitor, type SecureSite } from './http2visitor.ts'

/** What visitors saw while a load ran. */
export interface Seen {
  /** Requests that visitors made; one that was asked again counts once. */
  sent: number
  answered: number
  /** Requests without a good answer, one line each. */
  lost: string[]
  /**
   * Asked once more, as browsers do: a GET on a keep-alive connection that was closed just when it was
   * used again, and over HTTP/2 what the server says that it has not begun with.
   */
  retried: number
  /** How many of the answers came over HTTP/2. */
  overHttp2: number
  /** How often each release answered. */
  releases: Record<string, number>
  /** Keys of the POSTs that were sent; each must have been applied once. */
  posted: string[]
  /** Milliseconds between two good answers, at most. */
  longestGapMs: number
}

/** A load of visitors that runs until it is stopped. */
export interface Load {
  stop(): Promise<Seen>
}

export interface LoadOptions {
  /** With it a quarter of the visitors come over TLS with HTTP/2. */
  secure?: SecureSite
  /** What is asked for, in turn. */
  paths?: readonly string[]
}

const PER_SECOND = 80
const TIMEOUT_MS = 15_000
const BODY = 'a booking\n'.repeat(100)

/** Runs something while visitors come. */
export async function underLoad<T>(
  url: string,
  what: () => Promise<T>,
  options: LoadOptions = {}
): Promise<{ result: T; seen: Seen }> {
  const load = startLoad(url, options)
  const result = await what()
  return { result, seen: await load.stop() }
}

/**
 * Sends a mixed load to a site: keep-alive and new connections, HTTP/2, POSTs with bodies, now and
 * then a request that takes two seconds.
 */
export function startLoad(url: string, { secure, paths = ['/'] }: LoadOptions = {}): Load {
  const seen: Seen = {
    sent: 0,
    answered: 0,
    lost: [],
    retried: 0,
    overHttp2: 0,
    releases: {},
    posted: [],
    longestGapMs: 0
  }
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  const visitor = secure && new Http2Visitor(secure)
  const open = new Set<Promise<void>>()
  let last = Date.now()
  let count = 0

  const timer = setInterval(() => {
    count += 1
    seen.sent += 1
    const sent = count % 40 === 0 ? get('/slow') : count % 8 === 0 ? post() : get()
    open.add(sent)
    sent.then(() => open.delete(sent))
  }, 1000 / PER_SECOND)

  function get(path = paths[count % paths.length] as string): Promise<void> {
    // 40, 8 and 4 have a common factor, so by chance would all POSTs be of one kind.
    if (visitor && Math.floor(count / 3) % 4 === 0) return askHttp2('GET', path)
    return ask('GET', path, path !== '/slow' && count % 2 === 0)
  }

  function post(): Promise<void> {
    const key = `/book/${randomUUID()}`
    seen.posted.push(key)
    if (visitor && Math.floor(count / 8) % 4 === 0) return askHttp2('POST', key)
    return ask('POST', key, false)
  }

  async function askHttp2(method: string, path: string, again = false): Promise<void> {
    const body = method === 'POST' ? BODY : undefined
    const answer = await (visitor as Http2Visitor).ask(method, path, body, TIMEOUT_MS)
    if ('refused' in answer && !again) {
      seen.retried += 1
      return askHttp2(method, path, true)
    }
    const line = `${method} ${path} over HTTP/2`
    if ('refused' in answer) fail(`${line}: refused twice`)
    else if ('error' in answer) fail(`${line}: ${answer.error}`)
    else if (answer.status !== 200) fail(`${line}: ${answer.status}`)
    else {
      seen.overHttp2 += 1
      succeed(answer.body)
    }
  }

  function ask(method: string, path: string, reuse: boolean, again = false): Promise<void> {
    return new Promise(done => {
      // Node's own agent would keep connections alive; `false` is a new one for each request.
      const options = { method, timeout: TIMEOUT_MS, agent: reuse ? agent : false }
      const asked = request(url + path, options)
      const end = (line: string) => {
        fail(`${method} ${path}: ${line}`)
        done()
      }
      asked.on('response', answer => {
        let body = ''
        answer.setEncoding('utf8').on('data', (text: string) => {
          body += text
        })
        answer.on('error', error => end(`cut off: ${error.message}`))
        answer.on('end', () => {
          if (answer.statusCode !== 200) return end(String(answer.statusCode))
          succeed(body)
          done()
        })
      })
      asked.on('timeout', () => asked.destroy(new Error('no answer in time')))
      asked.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ECONNRESET' && asked.reusedSocket && method === 'GET' && !again) {
          seen.retried += 1
          ask(method, path, false, true).then(done)
        } else end(error.message)
      })
      asked.end(method === 'POST' ? BODY : undefined)
    })
  }

  function succeed(body: string): void {
    const release = /release (\S+),/.exec(body)?.[1] ?? 'none'
    const now = Date.now()
    seen.longestGapMs = Math.max(seen.longestGapMs, now - last)
    last = now
    seen.answered += 1
    seen.releases[release] = (seen.releases[release] ?? 0) + 1
  }

  function fail(line: string): void {
    seen.lost.push(line)
  }

  return {
    async stop() {
      clearInterval(timer)
      await Promise.all(open)
      agent.destroy()
      visitor?.close()
      return seen
    }
  }
}
