import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { prefix, state } from './place.ts'

/** The ports on this machine's loopback that lead to the server. */
export interface Ports {
  ssh: number
  http: number
  https: number
}

// Below the range that systems hand out to outgoing connections, so that a port stays free while
// its box restarts.
const LOWEST = 20_000
const COUNT = 10_000

/** The ports of this lab: the ones it had, else free ones that are likely to be the same next time. */
export async function labPorts(): Promise<Ports> {
  const known = await savedPorts()
  if (known) return known
  const first = LOWEST + (Number.parseInt(prefix.slice(-8), 16) % COUNT)
  const free: number[] = []
  for (let step = 0; free.length < 3 && step < COUNT; step++) {
    const port = LOWEST + ((first - LOWEST + step) % COUNT)
    if (await isFree(port)) free.push(port)
  }
  const [ssh, http, https] = free
  if (!ssh || !http || !https) throw new Error('no three free ports on this machine')
  const ports = { ssh, http, https }
  await writeFile(state('ports.json'), `${JSON.stringify(ports)}\n`)
  return ports
}

/** The ports of a lab that was started, or undefined. */
export async function savedPorts(): Promise<Ports | undefined> {
  try {
    return JSON.parse(await readFile(state('ports.json'), 'utf8')) as Ports
  } catch {
    return undefined
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1' }, () => server.close(() => resolve(true)))
  })
}
