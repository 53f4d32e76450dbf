import { createServer } from 'node:http'
import { page } from './page.js'

const MOST_BYTES = 10_000

/** The web server: a page, an API and a health endpoint that names the release. */
export function createApp(sightings, release) {
  return createServer(async (request, response) => {
    response.setHeader('X-Release', release)
    try {
      await route(request, response)
    } catch (error) {
      if (!error.status) console.error(error)
      const status = error.status ?? 500
      send(response, status, { error: error.status ? error.message : 'something went wrong' })
    }
  })

  async function route(request, response) {
    const { method } = request
    const { pathname } = new URL(request.url, 'http://localhost')
    if (method === 'GET' && pathname === '/health/') return health(response)
    if (method === 'GET' && pathname === '/') {
      response.setHeader('Content-Type', 'text/html; charset=utf-8')
      return response.end(page(await sightings.list(), release))
    }
    if (method === 'GET' && pathname === '/api/sightings') {
      return send(response, 200, await sightings.list())
    }
    if (method === 'POST' && pathname === '/api/sightings') {
      const { species, depth } = readSighting(await readBody(request))
      return send(response, 201, await sightings.add(species, depth))
    }
    throw problem(404, `there is no ${method} ${pathname}`)
  }

  async function health(response) {
    try {
      await sightings.check()
      send(response, 200, { status: 'ok', release })
    } catch {
      send(response, 503, { status: 'the database does not answer', release })
    }
  }
}

/** What a request body says was seen; throws what is wrong with it. */
export function readSighting(text) {
  let body
  try {
    body = JSON.parse(text)
  } catch {
    throw problem(400, 'expected JSON')
  }
  const species = typeof body?.species === 'string' ? body.species.trim() : ''
  if (species === '' || species.length > 80) {
    throw problem(400, "'species': expected a name of 1 to 80 characters")
  }
  const { depth } = body
  if (!Number.isInteger(depth) || depth < 0 || depth > 130) {
    throw problem(400, "'depth': expected whole metres from 0 to 130")
  }
  return { species, depth }
}

async function readBody(request) {
  const chunks = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    if (size > MOST_BYTES) throw problem(413, `expected at most ${MOST_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function problem(status, message) {
  return Object.assign(new Error(message), { status })
}

function send(response, status, body) {
  response.writeHead(status, { 'Content-Type': 'application/json' })
  response.end(JSON.stringify(body))
}
