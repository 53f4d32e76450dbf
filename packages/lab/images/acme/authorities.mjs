import { readFileSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:https'

/** Both certificate authorities: the name they answer by, and where their pebble listens. */
export const AUTHORITIES = {
  production: { host: 'acme-v02.api.letsencrypt.org', port: 14000, management: 15000 },
  staging: { host: 'acme-staging-v02.api.letsencrypt.org', port: 14001, management: 15001 }
}

/** What pebble, and the proxy before it, show to clients. */
export const TLS_FILES = { certificate: '/etc/lab/acme.crt', privateKey: '/etc/lab/acme.key' }

const DAY = 86_400
/** The lifetimes of Let's Encrypt. */
const PROFILES = {
  classic: { description: '90 days', validityPeriod: 90 * DAY },
  tlsserver: { description: '45 days', validityPeriod: 45 * DAY },
  shortlived: { description: '160 hours', validityPeriod: 160 * 3600 }
}

const agent = new Agent({ keepAlive: true, ca: readFileSync('/etc/lab/ca.crt') })

/** Writes the configuration of an authority's pebble and returns its file. */
export function writeConfiguration(name) {
  const { port, management } = AUTHORITIES[name]
  const file = `/run/pebble-${name}.json`
  const pebble = {
    ...TLS_FILES,
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${management}`,
    httpPort: 80,
    tlsPort: 443,
    keyAlgorithm: 'ecdsa',
    profiles: PROFILES
  }
  writeFileSync(file, JSON.stringify({ pebble }))
  return file
}

/** Starts a request to a port of a pebble; the caller ends it. */
export function toPebble(port, options, onAnswer) {
  // The certificate is for the names of Let's Encrypt and this one.
  const place = { host: '127.0.0.1', port, servername: 'localhost', agent }
  return request({ ...place, ...options }, onAnswer)
}

/** Asks a pebble's management port and returns its answer; an error when it refuses. */
export function manage(name, path, body) {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST'
    // pebble takes nothing from who does not say what it is.
    const headers = { 'User-Agent': 'lab' }
    const asked = toPebble(
      AUTHORITIES[name].management,
      { method, path, headers },
      async answer => {
        let text = ''
        for await (const piece of answer.setEncoding('utf8')) text += piece
        if (answer.statusCode === 200) resolve(text)
        else reject(new Error(`pebble answered ${answer.statusCode} to ${path}: ${text}`))
      }
    )
    asked.on('error', reject)
    asked.end(body)
  })
}
