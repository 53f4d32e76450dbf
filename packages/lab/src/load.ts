import { randomUUID } from 'node:crypto'
import { Agent, request } from 'node:http'

/** What visitors saw while a load ran. */
export interface Seen {
  /** Requests that visitors made; one that was asked again on a new connection counts once. */
  sent: number
  answered: number
  /** Requests without a good answer, one line each. */
  lost: string[]
  /** Keep-alive connections that were closed just when they were used again, and asked once more. */
  retried: number
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

const PER_SECOND = 80
const TIMEOUT_MS = 15_000

/**
 * Sends a mixed load to a site: keep-alive and new connections, POSTs with bodies, now and then a
 * request that takes two seconds. As a browser does, a GET on a connection that had been used
 * before is sent again when the server closed it meanwhile; nothing else is.
 */
export function startLoad(url: string): Load {
  const seen: Seen = {
    sent: 0,
    answered: 0,
    lost: [],
    retried: 0,
    releases: {},
    posted: [],
    longestGapMs: 0
  }
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  const open = new Set<Promise<void>>()
  let last = Date.now()
  let count = 0

  const timer = setInterval(() => {
    count += 1
    seen.sent += 1
    const sent = count % 40 === 0 ? get('/slow', false) : count % 8 === 0 ? post() : get('/', true)
    open.add(sent)
    sent.then(() => open.delete(sent))
  }, 1000 / PER_SECOND)

  function get(path: string, mayReuse: boolean): Promise<void> {
    return ask('GET', path, mayReuse && count % 2 === 0)
  }

  function post(): Promise<void> {
    const key = `/book/${randomUUID()}`
    seen.posted.push(key)
    return ask('POST', key, false)
  }

  function ask(method: string, path: string, reuse: boolean, again = false): Promise<void> {
    return new Promise(done => {
      // Node's own agent would keep connections alive; `false` is a new one for each request.
      const options = { method, timeout: TIMEOUT_MS, agent: reuse ? agent : false }
      const asked = request(url + path, options)
      asked.on('response', answer => {
        let body = ''
        answer.setEncoding('utf8').on('data', (text: string) => {
          body += text
        })
        answer.on('error', error => fail(`${method} ${path}: cut off: ${error.message}`))
        answer.on('end', () => {
          if (answer.statusCode !== 200) return fail(`${method} ${path}: ${answer.statusCode}`)
          succeed(/release (\S+),/.exec(body)?.[1] ?? 'none')
        })
      })
      asked.on('timeout', () => asked.destroy(new Error('no answer in time')))
      asked.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ECONNRESET' && asked.reusedSocket && method === 'GET' && !again) {
          seen.retried += 1
          ask(method, path, false, true).then(done)
        } else fail(`${method} ${path}: ${error.message}`)
      })
      asked.end(method === 'POST' ? 'a booking\n'.repeat(100) : undefined)

      function succeed(release: string) {
        const now = Date.now()
        seen.longestGapMs = Math.max(seen.longestGapMs, now - last)
        last = now
        seen.answered += 1
        seen.releases[release] = (seen.releases[release] ?? 0) + 1
        done()
      }

      function fail(line: string) {
        seen.lost.push(line)
        done()
      }
    })
  }

  return {
    async stop() {
      clearInterval(timer)
      await Promise.all(open)
      agent.destroy()
      return seen
    }
  }
}
