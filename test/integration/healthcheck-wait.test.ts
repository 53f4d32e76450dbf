import { writeFile } from 'node:fs/promises'
import http from 'node:http'
import https from 'node:https'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, expect, test } from '@jest/globals'
import { runAction } from '../harness/action.ts'
import { makeAuthority } from '../harness/certificates.ts'
import { Servers } from '../harness/servers.ts'

const servers = new Servers()
afterEach(() => servers.close())

/** An app whose old release serves the first requests, then none, then the new one. */
function replaced(): http.Server {
  let requests = 0
  return http.createServer((_request, response) => {
    requests += 1
    if (requests > 3 && requests < 6) response.writeHead(502)
    const release = requests < 6 ? 'old' : 'new'
    response.end(JSON.stringify({ status: 'ok', release }))
  })
}

test('waits for the new release and tells when it came', async () => {
  const port = await servers.listen(replaced())
  const { code, outputs, summary, log } = await runAction('healthcheck-wait', {
    url: `http://127.0.0.1:${port}/health/`,
    'expect-release': 'new',
    interval: '50ms',
    consecutive: '2'
  })
  expect(log).toContain('as expected after')
  expect(code).toBe(0)
  expect(outputs).toMatchObject({ status: '200', attempts: '7', release: 'new' })
  expect(Number(outputs['ready-ms'])).toBeGreaterThanOrEqual(250)
  expect(summary).toContain('| Release | new |')
})

test('fails with what was different and the last answer', async () => {
  const server = http.createServer((_request, response) => {
    response.writeHead(503, { 'Content-Type': 'text/plain' }).end('starting up\n')
  })
  const port = await servers.listen(server)
  const { code, outputs, log } = await runAction('healthcheck-wait', {
    url: `http://127.0.0.1:${port}/`,
    'expect-body': '/ready/i',
    timeout: '1s'
  })
  expect(code).toBe(1)
  expect(log).toMatch(
    /::error::http:\/\/127\.0\.0\.1:\d+\/ did not answer as expected within 1\.0 s \(\d tries\): status 503, expected 200; body lacks \/ready\/i/
  )
  expect(log).toContain('  starting up')
  expect(outputs).toMatchObject({ status: '503' })
  expect(outputs['ready-ms']).toBeUndefined()
})

test('asks one server itself over TLS with an authority that the runner trusts', async () => {
  const authority = await makeAuthority()
  const file = path.join(tmpdir(), `diveops-ca-${process.pid}.pem`)
  await writeFile(file, authority.cert)
  const pair = await authority.issue({ names: ['dive.example'], toDays: 20 })
  const port = await servers.listen(https.createServer(pair, (_, response) => response.end('ok')))
  const inputs = {
    url: `https://dive.example:${port}/`,
    resolve: `dive.example:${port}:127.0.0.1`,
    timeout: '1s'
  }
  const trusting = { env: { NODE_EXTRA_CA_CERTS: file } }
  const good = await runAction('healthcheck-wait', { ...inputs, 'min-cert-days': '20' }, trusting)
  expect(good).toMatchObject({ code: 0, outputs: { 'cert-days': '20' } })
  const short = await runAction('healthcheck-wait', { ...inputs, 'min-cert-days': '30' }, trusting)
  expect(short.log).toContain('certificate ends in 20 days, expected at least 30')
  const strange = await runAction('healthcheck-wait', inputs)
  expect(strange.log).toContain("TLS: unknown issuer 'Lab Root'")
})

test('warns of a certificate that should have been renewed, and of no other', async () => {
  const authority = await makeAuthority()
  const file = path.join(tmpdir(), `diveops-ca-${process.pid}.pem`)
  await writeFile(file, authority.cert)
  const check = async (life: { fromDays: number; toDays: number }) => {
    const pair = await authority.issue({ names: ['dive.example'], ...life })
    const port = await servers.listen(https.createServer(pair, (_, response) => response.end('ok')))
    return runAction(
      'healthcheck-wait',
      {
        url: `https://dive.example:${port}/`,
        resolve: `dive.example:${port}:127.0.0.1`,
        timeout: '1s'
      },
      { env: { NODE_EXTRA_CA_CERTS: file } }
    )
  }
  const late = await check({ fromDays: -61, toDays: 29 })
  expect(late.code).toBe(0)
  expect(late.log).toContain(
    '::warning::the certificate of dive.example ends in 29 days, less than a third of its life is left: run the setup-ssl action'
  )
  const fresh = await check({ fromDays: -59, toDays: 31 })
  expect(fresh.code).toBe(0)
  expect(fresh.log).not.toContain('::warning::')
})

test.each([
  [{}, "input 'url' is empty"],
  [{ url: 'example.com' }, "input 'url': got 'example.com', expected a URL"],
  [{ url: 'ftp://a/' }, "input 'url': got 'ftp://a/'"],
  [{ 'expect-status': '99' }, "input 'expect-status': got '99'"],
  [{ 'expect-body': '/(/' }, "input 'expect-body': got '/(/'"],
  [{ 'expect-header': 'nonsense' }, "input 'expect-header': got 'nonsense'"],
  [{ resolve: 'a:b' }, "input 'resolve': got 'a:b'"],
  [{ resolve: 'b.example:80:127.0.0.1' }, "a line for the URL's own 'a.example:80'"],
  [{ timeout: 'soon' }, "input 'timeout': got 'soon'"],
  [{ consecutive: '0' }, "input 'consecutive': got '0'"],
  [{ 'min-cert-days': '10' }, "input 'min-cert-days': got '10', expected an https URL"],
  [{ 'expect-stats': '200' }, "did you mean 'expect-status'?"]
])('bad input %j', async (inputs, message) => {
  const given = Object.keys(inputs).length > 0 ? { url: 'http://a.example/', ...inputs } : {}
  const { code, log } = await runAction('healthcheck-wait', given)
  expect(code).toBe(1)
  expect(log.split('\n').filter(line => line.startsWith('::error::'))).toHaveLength(1)
  expect(log).toContain(message)
})
