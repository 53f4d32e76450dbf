import { randomUUID } from 'node:crypto'
import { request } from 'node:http'

/** A writer that books through the site until it is stopped; it sends nothing twice. */
export interface Writer {
  /** Ends it: the bookings that the site has confirmed, and those that it may or may not have made. */
  stop(): Promise<{ confirmed: string[]; unsure: string[] }>
}

const PER_SECOND = 10
const TIMEOUT_MS = 15_000

/** Sends bookings to a site, each on a connection of its own. */
export function startWriter(url: string): Writer {
  const confirmed: string[] = []
  const unsure: string[] = []
  const open = new Set<Promise<void>>()
  const timer = setInterval(() => {
    const key = `/book/${randomUUID()}`
    const sent = post(url + key).then(status => {
      ;(status === 200 ? confirmed : unsure).push(key)
      open.delete(sent)
    })
    open.add(sent)
  }, 1000 / PER_SECOND)
  return {
    async stop() {
      clearInterval(timer)
      await Promise.all(open)
      return { confirmed, unsure }
    }
  }
}

/** The status of the answer to a POST; undefined when there was none. */
function post(url: string): Promise<number | undefined> {
  return new Promise(done => {
    const asked = request(url, { method: 'POST', agent: false, timeout: TIMEOUT_MS }, answer => {
      answer.resume()
      answer.on('error', () => done(undefined))
      answer.on('close', () => done(answer.complete ? answer.statusCode : undefined))
    })
    asked.on('timeout', () => asked.destroy())
    asked.on('error', () => done(undefined))
    asked.end('a booking\n')
  })
}
