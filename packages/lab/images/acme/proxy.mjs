import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { AUTHORITIES, TLS_FILES, toPebble } from './authorities.mjs'

const PORT = 443
const DIRECTORY = { path: '/directory', pebble: '/dir' }
/** Where pebble's directory leads for new orders. */
const NEW_ORDER = '/order-plz'
const LIMIT = 'too many new orders (300) from this account in the last 3h0m0s'
const DOCUMENTATION = 'https://letsencrypt.org/docs/rate-limits/#new-orders-per-account'

let requests = []
let faults = []

const server = createServer(
  { cert: readFileSync(TLS_FILES.certificate), key: readFileSync(TLS_FILES.privateKey) },
  (request, response) => {
    handle(request, response).catch(error => {
      console.error(error)
      response.destroy()
    })
  }
)

/** All requests since the last reset. */
export function recorded() {
  return requests
}

/** Forgets requests. */
export function forgetRequests() {
  requests = []
}

/** Adds a fault, which lasts until its `times` are used up or all faults are cleared. */
export async function addFault(fault) {
  faults.push(fault)
  await listen()
}

/** Ends all faults. */
export async function clearFaults() {
  faults = []
  await listen()
}

/** Listens unless both authorities are down, when connections are refused. */
export async function listen() {
  const down = Object.keys(AUTHORITIES).every(ca => faults.some(fault => isDown(fault, ca)))
  if (down === !server.listening) return
  await new Promise(resolve => {
    if (!down) server.listen(PORT, resolve)
    else {
      server.close(resolve)
      server.closeAllConnections()
    }
  })
}

async function handle(request, response) {
  const ca = authorityOf(request)
  if (ca === undefined) {
    response.writeHead(421).end()
    return
  }
  const entry = { time: new Date().toISOString(), ca, method: request.method, path: request.url }
  requests.push(entry)
  response.on('finish', () => {
    entry.status = response.statusCode
  })
  if (faults.some(fault => isDown(fault, ca))) {
    request.socket.destroy()
    return
  }
  const newOrder = request.method === 'POST' && request.url === NEW_ORDER
  const slow = take('slow', ca, newOrder)
  if (slow) await sleep(slow.seconds * 1000)
  const limited = newOrder ? take('rateLimited', ca, newOrder) : undefined
  const unavailable = limited ? undefined : take('unavailable', ca, newOrder)
  if (limited) refuse(request, response, 429, limited, limitText(limited))
  else if (unavailable) refuse(request, response, 503, unavailable, 'Service busy; retry later.')
  else forward(request, response, AUTHORITIES[ca].port)
}

function authorityOf(request) {
  const name = request.headers.host?.replace(/:443$/, '')
  return Object.keys(AUTHORITIES).find(ca => AUTHORITIES[ca].host === name)
}

function isDown(fault, ca) {
  return fault.kind === 'down' && (fault.ca ?? ca) === ca
}

/** The first fault of a kind that concerns a request, used once; undefined when there is none. */
function take(kind, ca, newOrder) {
  const fault = faults.find(
    fault => fault.kind === kind && (fault.ca ?? ca) === ca && (fault.on === undefined || newOrder)
  )
  if (fault?.times !== undefined) {
    fault.times -= 1
    if (fault.times <= 0) faults = faults.filter(other => other !== fault)
  }
  return fault
}

/** As Let's Encrypt words it. */
function limitText({ detail = LIMIT, retryAfter }) {
  const until = new Date(Date.now() + retryAfter * 1000).toISOString()
  const time = until.slice(0, 19).replace('T', ' ')
  return `${detail}, retry after ${time} UTC: see ${DOCUMENTATION}`
}

function refuse(request, response, status, { retryAfter }, detail) {
  request.resume()
  const problem = { type: 'urn:ietf:params:acme:error:rateLimited', detail, status }
  response.writeHead(status, {
    'Content-Type': 'application/problem+json',
    'Retry-After': String(retryAfter)
  })
  response.end(JSON.stringify(problem))
}

/** Passes a request on with its Host header, from which pebble makes the URLs that it hands out. */
function forward(request, response, port) {
  const path = request.url === DIRECTORY.path ? DIRECTORY.pebble : request.url
  const { method, headers } = request
  const asked = toPebble(port, { method, path, headers }, answer => {
    response.writeHead(answer.statusCode, answer.headers)
    answer.pipe(response)
  })
  asked.on('error', error => {
    console.error(error)
    response.destroy()
  })
  request.pipe(asked)
}
