import { createServer } from 'node:http'
import { Store } from './store.js'

const store = new Store()
const release = process.env.RELEASE ?? 'unknown'

const server = createServer(async (request, response) => {
  response.setHeader('X-Release', release)
  const { method } = request
  const { pathname } = new URL(request.url, 'http://localhost')
  const [, id] = /^\/api\/plans\/(\d+)$/.exec(pathname) ?? []
  try {
    if (method === 'GET' && pathname === '/health/') send(response, 200, health())
    else if (method === 'GET' && id) answer(response, store.find(Number(id)))
    else if (method === 'POST' && pathname === '/api/plans') await plan(request, response)
    else answer(response, undefined)
  } catch (error) {
    console.error(error)
    send(response, 500, { error: 'something went wrong' })
  }
})
server.listen(3000, () => console.log('listening'))

process.once('SIGTERM', () => {
  server.close(() => {
    store.close()
    process.exit(0)
  })
  server.closeIdleConnections()
})

function health() {
  store.find(0)
  return { status: 'ok', release }
}

function answer(response, found) {
  if (found) send(response, 200, found)
  else send(response, 404, { error: 'there is no such thing' })
}

async function plan(request, response) {
  let text = ''
  for await (const chunk of request) {
    text += chunk
    if (text.length > 1000) return send(response, 413, { error: 'expected at most 1000 bytes' })
  }
  const depth = readDepth(text)
  if (depth !== undefined) return send(response, 202, store.add(depth))
  send(response, 400, { error: "expected JSON with 'depth' in whole metres from 1 to 40" })
}

function readDepth(text) {
  try {
    const { depth } = JSON.parse(text)
    return Number.isInteger(depth) && depth >= 1 && depth <= 40 ? depth : undefined
  } catch {
    return undefined
  }
}

function send(response, status, body) {
  response.writeHead(status, { 'Content-Type': 'application/json' })
  response.end(JSON.stringify(body))
}
