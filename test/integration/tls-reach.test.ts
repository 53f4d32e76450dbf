import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import { fetchToken } from '@diveops/core/tls/reach'
import { afterEach, describe, expect, test } from '@jest/globals'
import { makeSelfSigned } from '../harness/certificates.ts'
import { deafPort, Servers } from '../harness/servers.ts'

const NAME = 'www.x.mx'
const TOKEN = 'diveops-0123456789abcdef'
const servers = new Servers()
afterEach(() => servers.close())

type Reply = { status?: number; headers?: Record<string, string>; body?: string }

/** The ports of two servers, one for each scheme, that answer what `reply` says. */
async function site(reply: (url: URL, ports: Ports) => Reply) {
  const ports = { http: 0, https: 0 }
  const answer: http.RequestListener = (request, response) => {
    const scheme = 'encrypted' in request.socket ? 'https' : 'http'
    const url = new URL(request.url ?? '/', `${scheme}://${request.headers.host}`)
    const { status = 200, headers, body = '' } = reply(url, ports)
    response.writeHead(status, headers).end(body)
  }
  ports.http = await servers.listen(http.createServer(answer))
  const pair = await makeSelfSigned({ names: ['other.example'], toDays: -5, fromDays: -9 })
  ports.https = await servers.listen(https.createServer(pair, answer))
  return ports
}

type Ports = { http: number; https: number }

function fetchAt(ports: Ports, address = '127.0.0.1', timeoutMs = 10_000) {
  return fetchToken(NAME, address, TOKEN, {
    server: '203.0.113.7',
    ports,
    resolutions: [
      { name: 'login.example', port: ports.http, address: '127.0.0.1' },
      { name: 'login.example', port: ports.https, address: '127.0.0.1' }
    ],
    timeoutMs
  })
}

async function visit(reply: (url: URL, ports: Ports) => Reply) {
  return fetchAt(await site(reply))
}

const to = (location: string, status = 301): Reply => ({ status, headers: { Location: location } })
const NGINX = { Server: 'nginx/1.29.1' }
const DIRECTLY =
  'serve location ^~ /.well-known/acme-challenge/ in the server of www.x.mx on port 80 itself, outside of any redirect'
const ELSEWHERE = 'let www.x.mx lead to 203.0.113.7, port 80, and to this app there'

describe('the right token', () => {
  test('at once, under its name, with an end of line', async () => {
    const asked: string[] = []
    const found = await visit(url => {
      asked.push(`${url.hostname}${url.pathname}`)
      return { body: `${TOKEN}\n` }
    })
    expect(found).toBeUndefined()
    expect(asked).toEqual([`${NAME}/.well-known/acme-challenge/${TOKEN}`])
  })

  test.each([301, 302, 307, 308])('after a %s to HTTPS with a bad certificate', async status => {
    const found = await visit((url, ports) =>
      url.protocol === 'https:'
        ? { body: TOKEN }
        : to(`https://${NAME}:${ports.https}${url.pathname}`, status)
    )
    expect(found).toBeUndefined()
  })

  test('after ten redirects, relative and to another name', async () => {
    const found = await visit((url, ports) => {
      const hop = Number(url.searchParams.get('hop'))
      if (hop === 10) return { body: TOKEN }
      const next = `${url.pathname}?hop=${hop + 1}`
      return to(hop % 2 === 0 ? next : `http://login.example:${ports.http}${next}`)
    })
    expect(found).toBeUndefined()
  })

  test('at one address and not at the other', async () => {
    const right = http.createServer((_, response) => response.end(TOKEN))
    const wrong = http.createServer((_, response) => response.end('old server'))
    const port = await servers.listen(right)
    await servers.listen(wrong, '127.0.0.2', port)
    const ports = { http: port, https: 443 }
    expect(await fetchAt(ports, '127.0.0.1')).toBeUndefined()
    expect(await fetchAt(ports, '127.0.0.2')).toEqual({
      found: "'old server' instead of our token",
      todo: ELSEWHERE
    })
  })

  test('over IPv6', async () => {
    const server = http.createServer((_, response) => response.end(TOKEN))
    const port = await servers.listen(server, '::1')
    expect(await fetchAt({ http: port, https: 443 }, '::1')).toBeUndefined()
  })
})

describe('no answer', () => {
  test('refused', async () => {
    const port = await servers.closedPort()
    expect(await fetchAt({ http: port, https: 443 })).toEqual({
      found: `connection refused by 127.0.0.1:${port}`,
      todo: "let www.x.mx lead to 203.0.113.7, and the app's nginx publish port 80 there"
    })
  })

  test('a firewall that drops packets', async () => {
    const { port, open } = await deafPort()
    const found = await fetchAt({ http: port, https: 443 }, '127.0.0.1', 500)
    await open()
    expect(found).toEqual({
      found: `no connection to 127.0.0.1:${port} within 500 ms`,
      todo: 'open port 80 (TCP) in the firewalls of 203.0.113.7 and of its provider, or let www.x.mx lead to 203.0.113.7'
    })
  })

  test('taken and never answered', async () => {
    const port = await servers.listen(net.createServer())
    expect(await fetchAt({ http: port, https: 443 }, '127.0.0.1', 500)).toEqual({
      found: `127.0.0.1:${port} took the request but did not answer within 500 ms`,
      todo: "look at what listens on port 80 of 203.0.113.7, it should be the app's nginx"
    })
  })

  test('not HTTP', async () => {
    const port = await servers.listen(net.createServer(socket => socket.end('SSH-2.0-x\r\n')))
    const found = await fetchAt({ http: port, https: 443 })
    expect(found?.found).toMatch(/answered with something that is not HTTP$/)
  })

  test('HTTPS closed after a redirect to it', async () => {
    const closed = await servers.closedPort()
    const port = await servers.listen(
      http.createServer((request, response) => {
        const Location = `https://${NAME}:${closed}${request.url}`
        response.writeHead(301, { Location }).end()
      })
    )
    expect(await fetchAt({ http: port, https: closed })).toEqual({
      found: `connection refused by 127.0.0.1:${closed} after a redirect to https://${NAME}:${closed}/.well-known/acme-challenge/${TOKEN}`,
      todo: DIRECTLY
    })
  })
})

describe('another answer', () => {
  test.each<[string, Reply, string, string]>([
    [
      '404 of nginx',
      { status: 404, headers: NGINX },
      'status 404 instead of our token from nginx/1.29.1',
      DIRECTLY
    ],
    [
      '403 of nginx',
      { status: 403, headers: NGINX },
      'status 403 instead of our token from nginx/1.29.1',
      "make the challenges' folder on 203.0.113.7 readable to all: chmod -R a+rX"
    ],
    [
      '404 of another server',
      { status: 404, headers: { Server: 'Apache' } },
      'status 404 instead of our token from Apache',
      ELSEWHERE
    ],
    [
      'a page with a title',
      {
        headers: { Server: 'LiteSpeed' },
        body: '<html><head><title lang="en">\n Parked\n domain </title>'
      },
      "the page 'Parked domain' instead of our token from LiteSpeed",
      ELSEWHERE
    ],
    [
      'a page without a title',
      { body: '<!doctype html>\n<h1>It works!</h1>\nmore' },
      "'It works!' instead of our token",
      ELSEWHERE
    ],
    [
      'text with control characters',
      { body: `\u001b[31m::error::x${'y'.repeat(200)}` },
      `'[31m::error::x${'y'.repeat(66)}...' instead of our token`,
      ELSEWHERE
    ],
    ['nothing', {}, 'nothing instead of our token', ELSEWHERE],
    [
      'the token with the wrong status',
      { status: 404, body: TOKEN },
      'status 404 instead of our token',
      ELSEWHERE
    ],
    [
      'a status that authorities do not follow',
      to('/elsewhere', 303),
      'status 303 instead of our token',
      ELSEWHERE
    ],
    ['a redirect to nowhere', { status: 301 }, 'status 301 instead of our token', ELSEWHERE],
    [
      'a password',
      { status: 401, headers: { 'WWW-Authenticate': 'Basic' } },
      'a login page instead of our token (status 401)',
      'let /.well-known/acme-challenge/ pass without a login'
    ],
    [
      'a login page at once',
      { body: '<title>Sign in · Cloudflare Access</title>' },
      "a login page, 'Sign in · Cloudflare Access', instead of our token (status 200)",
      'let /.well-known/acme-challenge/ pass without a login'
    ]
  ])('%s', async (_, reply, found, todo) => {
    expect(await visit(() => reply)).toEqual({ found, todo })
  })

  test('a login page after a redirect', async () => {
    const found = await visit((url, { http }) =>
      url.hostname === NAME
        ? to(`http://login.example:${http}/accounts/login/?next=/`)
        : { body: '<title>Welcome</title>' }
    )
    expect(found?.found).toMatch(
      /^a login page, 'Welcome', instead of our token \(status 200\) after a redirect to http:\/\/login\.example:\d+\/accounts\/login\/$/
    )
    expect(found?.todo).toBe('let /.well-known/acme-challenge/ pass without a login')
  })

  test('404 after a redirect to HTTPS', async () => {
    const found = await visit((url, { https }) =>
      url.protocol === 'https:'
        ? { status: 404, headers: NGINX }
        : to(`https://${NAME}:${https}/other`)
    )
    expect(found?.found).toMatch(
      /^status 404 instead of our token from nginx\/1\.29\.1 after a redirect to https:.*\/other$/
    )
    expect(found?.todo).toBe(DIRECTLY)
  })
})

describe('redirects that authorities do not follow', () => {
  test.each<[string, (url: URL, ports: Ports) => string, RegExp]>([
    ['in a circle', url => url.pathname, /^redirects in a circle, back to http:\/\/www\.x\.mx/],
    [
      'more than ten',
      url => `/${Number(url.pathname.slice(1)) + 1 || 1}`,
      /^redirects more than 10 times, the last time to .*\/11$/
    ],
    [
      'to another port',
      () => `https://${NAME}:8443/login`,
      /^redirects to port 8443 \(https:\/\/www\.x\.mx:8443\/login\), authorities follow only to 80 and 443$/
    ],
    [
      'to an address',
      (_, { http }) => `http://127.0.0.1:${http}/`,
      /^redirects to an address \(http:\/\/127\.0\.0\.1:\d+\/\), authorities follow only to names$/
    ],
    ['to something else', () => 'ftp://x.mx/', /^redirects to ftp:\/\/x\.mx\/, which is not HTTP$/]
  ])('%s', async (_, location, expected) => {
    const found = await visit((url, ports) => to(location(url, ports)))
    expect(found?.found).toMatch(expected)
    expect(found?.todo).toBe(DIRECTLY)
  })

  test('a password in a redirect goes nowhere', async () => {
    const seen: (string | undefined)[] = []
    const port = await servers.listen(
      http.createServer((request, response) => {
        seen.push(request.headers.authorization)
        const Location = `http://me:secret%zz@${NAME}:${port}/next`
        response.writeHead(request.url === '/next' ? 404 : 301, { Location }).end()
      })
    )
    const found = await fetchAt({ http: port, https: 443 })
    expect(found?.found).not.toContain('secret')
    expect(seen).toEqual([undefined, undefined])
  })
})
