import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import type { SecureContext } from 'node:tls'
import { trust } from '@diveops/core/health/connect'
import { ask, publicUrl } from '@diveops/core/health/http'
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import {
  type Authority,
  makeAuthority,
  makeSelfSigned,
  type Pair
} from '../../harness/certificates.ts'
import { Servers } from '../../harness/servers.ts'

const servers = new Servers()
afterEach(() => servers.close())

async function askServer(handler: http.RequestListener, timeoutMs = 2000) {
  const port = await servers.listen(http.createServer(handler))
  return ask(new URL(`http://127.0.0.1:${port}/health/?a=b`), { timeoutMs })
}

describe('http', () => {
  test('status, headers, body and release', async () => {
    const answer = await askServer((request, response) => {
      response.writeHead(302, { Location: '/x', 'X-Release': 'abc', 'Set-Cookie': ['a=1', 'b=2'] })
      response.end(`${request.method} ${request.url} ${request.headers.host?.split(':')[0]}`)
    })
    expect(answer).toMatchObject({
      status: 302,
      body: 'GET /health/?a=b 127.0.0.1',
      release: 'abc',
      certDays: undefined
    })
    expect(answer.headers.location).toBe('/x')
  })

  test('a body without end is read up to a mebibyte', async () => {
    const answer = await askServer((_request, response) => {
      const pump = () => {
        while (response.write(Buffer.alloc(65_536, 'x')));
        response.once('drain', pump)
      }
      pump()
    })
    expect(answer.body).toHaveLength(1024 * 1024)
  })

  test('a server that does not answer', async () => {
    await expect(askServer(() => {}, 100)).rejects.toThrow(
      /^127\.0\.0\.1:\d+ took the request but did not answer within 100 ms$/
    )
  })

  test('a server that stops in the middle of its answer', async () => {
    const answer = askServer((_request, response) => {
      response.writeHead(200, { 'Content-Length': '100' })
      response.write('half')
      setTimeout(() => response.socket?.resetAndDestroy(), 20)
    })
    await expect(answer).rejects.toThrow(/closed the connection before it had answered$/)
  })

  test('a server that resets the connection', async () => {
    const port = await servers.listen(net.createServer(socket => socket.resetAndDestroy()))
    const answer = ask(new URL(`http://127.0.0.1:${port}/`), { timeoutMs: 1000 })
    await expect(answer).rejects.toThrow(/closed the connection before it had answered$/)
  })

  test('something that is not HTTP', async () => {
    const port = await servers.listen(
      net.createServer(socket => socket.end('SSH-2.0-OpenSSH_9.2\r\n'))
    )
    const answer = ask(new URL(`http://127.0.0.1:${port}/`), { timeoutMs: 1000 })
    await expect(answer).rejects.toThrow(/something that is not HTTP$/)
  })

  test('a closed port', async () => {
    const port = await servers.closedPort()
    const answer = ask(new URL(`http://127.0.0.1:${port}/`), { timeoutMs: 1000 })
    await expect(answer).rejects.toThrow(`connection refused by 127.0.0.1:${port}`)
  })

  test('a name without an address', async () => {
    const answer = ask(new URL('http://no-such-name.invalid/'), { timeoutMs: 5000 })
    await expect(answer).rejects.toThrow(/DNS/)
  })

  test('user and password go to the server and not into the log', async () => {
    const port = await servers.listen(
      http.createServer((request, response) => response.end(request.headers.authorization))
    )
    const url = new URL(`http://me:p%40ss@127.0.0.1:${port}/`)
    const { body } = await ask(url, { timeoutMs: 1000 })
    expect(Buffer.from(body.slice(6), 'base64').toString()).toBe('me:p@ss')
    expect(publicUrl(url)).toBe(`http://127.0.0.1:${port}/`)
  })
})

describe('https', () => {
  let authority: Authority
  let trusted: SecureContext
  beforeAll(async () => {
    authority = await makeAuthority()
    trusted = trust([authority.cert])
  })

  async function askWith(pair: Pair, name: string) {
    const port = await servers.listen(
      https.createServer(pair, (request, response) => response.end(request.headers.host))
    )
    return ask(new URL(`https://${name}:${port}/`), {
      resolutions: [{ name, port, address: '127.0.0.1' }],
      trust: trusted,
      timeoutMs: 2000
    })
  }

  test('the server is asked under the name of the URL at the address given', async () => {
    const answer = await askWith(await authority.issue({ names: ['dive.example'] }), 'dive.example')
    expect(answer).toMatchObject({ status: 200, certDays: 90 })
    expect(answer.body).toMatch(/^dive\.example:\d+$/)
  })

  test.each([
    [
      'expired',
      { names: ['a.example'], fromDays: -90, toDays: -2 },
      /^TLS: the certificate expired on \d{4}-\d\d-\d\d$/
    ],
    [
      'not yet valid',
      { names: ['a.example'], fromDays: 2 },
      /^TLS: the certificate is not yet valid, only from /
    ],
    [
      'wrong name',
      { names: ['b.example', 'www.b.example'] },
      /^TLS: wrong name, the certificate is for b\.example, www\.b\.example, not for a\.example$/
    ]
  ])('%s', async (_case, request, message) => {
    await expect(askWith(await authority.issue(request), 'a.example')).rejects.toThrow(message)
  })

  test('unknown issuer', async () => {
    const other = await makeAuthority('Somebody Else')
    await expect(askWith(await other.issue({ names: ['a.example'] }), 'a.example')).rejects.toThrow(
      "TLS: unknown issuer 'Somebody Else', or the server does not send its intermediate certificate"
    )
  })

  test('self-signed', async () => {
    const pair = await makeSelfSigned({ names: ['a.example'] })
    await expect(askWith(pair, 'a.example')).rejects.toThrow('TLS: the certificate is self-signed')
  })

  test('a port that does not speak TLS', async () => {
    const port = await servers.listen(http.createServer((_request, response) => response.end()))
    const answer = ask(new URL(`https://127.0.0.1:${port}/`), { timeoutMs: 2000 })
    await expect(answer).rejects.toThrow(/^TLS: no handshake with 127\.0\.0\.1:\d+/)
  })
})
