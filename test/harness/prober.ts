import http from 'node:http'
import https from 'node:https'
import type { TLSSocket } from 'node:tls'
import { connection } from '@diveops/lab'

/** What visitors of a site saw while it went to HTTPS, or its certificate was replaced. */
export interface Probed {
  /** Requests over each scheme, from the moment on from which an answer is expected. */
  asked: { http: number; https: number }
  /** Answers over HTTP that led to HTTPS. */
  redirected: number
  /** Answers that no visitor may get, one line each. */
  bad: string[]
  /** Keep-alive connections that were closed just when they were used again, and asked once more. */
  retried: number
  /** How often each certificate was served, by serial in lower case. */
  serials: Record<string, number>
}

/** Visitors that come until they are stopped. */
interface Prober {
  stop(): Promise<Probed>
}

/** Lets visitors come while something happens. */
export async function underVisitors<T>(
  names: readonly string[],
  root: string,
  what: () => Promise<T>
): Promise<{ result: T; seen: Probed }> {
  const prober = await startProber(names, root)
  try {
    return { result: await what(), seen: await prober.stop() }
  } finally {
    await prober.stop()
  }
}

const PER_SECOND = 50
/** How often HTTPS is tried while nobody was sent there yet. */
const TRY_HTTPS_EVERY = 10
const TIMEOUT_MS = 15_000

/**
 * Asks the lab's server for its first page 50 times a second, under each name in turn, half of it on
 * connections kept alive and half on new ones. Over HTTP 200 is good and, with HTTPS, one redirect
 * to it. HTTPS is there from its first 200 on, or from the first redirect that sends a visitor
 * there; from then on as many requests go over it, too, and each must succeed with a certificate
 * that `root` vouches for. As a browser does, a request on a connection that had been used before is
 * sent again when the server closed it meanwhile; nothing else is.
 */
async function startProber(names: readonly string[], root: string): Promise<Prober> {
  const { LAB_HTTP, LAB_HTTPS } = await connection()
  const agents = {
    http: new http.Agent({ keepAlive: true, maxSockets: 8 }),
    https: new https.Agent({ keepAlive: true, maxSockets: 8 })
  }
  const open = new Set<Promise<void>>()
  const seen: Probed = {
    asked: { http: 0, https: 0 },
    redirected: 0,
    bad: [],
    retried: 0,
    serials: {}
  }
  let secure = false
  let count = 0

  const timer = setInterval(() => {
    count += 1
    const name = names[count % names.length] as string
    // The number of names may be even, so the same name must get both kinds of connections.
    const reuse = Math.floor(count / names.length) % 2 === 0
    send(visitHttp(name, reuse))
    if (secure || count % TRY_HTTPS_EVERY === 0) send(visitHttps(name, reuse))
  }, 1000 / PER_SECOND)

  function send(visit: Promise<void>): void {
    open.add(visit)
    visit.then(() => open.delete(visit))
  }

  async function visitHttp(name: string, reuse: boolean): Promise<void> {
    seen.asked.http += 1
    const answer = await ask('http', name, reuse)
    if (answer.status === 200) return
    if (answer.status !== 301 || answer.location !== `https://${name}/`) {
      seen.bad.push(`http://${name}: ${describe(answer)}`)
      return
    }
    seen.redirected += 1
    if (secure) return
    // Whoever is sent to HTTPS must be served there.
    secure = true
    await visitHttps(name, false)
  }

  async function visitHttps(name: string, reuse: boolean): Promise<void> {
    const expected = secure
    const answer = await ask('https', name, reuse)
    if (answer.status === 200) secure = true
    else if (expected) seen.bad.push(`https://${name}: ${describe(answer)}`)
    if (!expected && !secure) return
    seen.asked.https += 1
    const { serial } = answer
    if (serial) seen.serials[serial] = (seen.serials[serial] ?? 0) + 1
  }

  function ask(scheme: 'http' | 'https', name: string, reuse: boolean): Promise<Answer> {
    const url = scheme === 'http' ? LAB_HTTP : LAB_HTTPS
    const options = {
      headers: { host: name },
      timeout: TIMEOUT_MS,
      // Node's own agent would keep connections alive; `false` is a new one for each request.
      agent: reuse ? agents[scheme] : (false as const),
      ...(scheme === 'https' && { servername: name, ca: root })
    }
    return new Promise(resolve => {
      const asked = (scheme === 'http' ? http : https).request(`${url}/`, options)
      asked.on('response', answer => {
        const { socket } = answer
        answer.resume()
        answer.on('error', error => resolve({ error: `cut off: ${error.message}` }))
        answer.on('end', () =>
          resolve({
            status: answer.statusCode,
            location: answer.headers.location,
            serial: scheme === 'https' ? serialOf(socket as TLSSocket) : undefined
          })
        )
      })
      asked.on('timeout', () => asked.destroy(new Error('no answer in time')))
      asked.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ECONNRESET' && asked.reusedSocket) {
          seen.retried += 1
          ask(scheme, name, false).then(resolve)
        } else resolve({ error: error.message })
      })
      asked.end()
    })
  }

  return {
    async stop() {
      clearInterval(timer)
      await Promise.all(open)
      for (const agent of Object.values(agents)) agent.destroy()
      return seen
    }
  }
}

interface Answer {
  status?: number | undefined
  location?: string | undefined
  serial?: string | undefined
  error?: string
}

function describe({ status, location, error }: Answer): string {
  return error ?? `${status}${location ? ` to ${location}` : ''}`
}

function serialOf(socket: TLSSocket): string | undefined {
  return socket.getPeerCertificate().serialNumber?.toLowerCase().replace(/^0+/, '')
}
