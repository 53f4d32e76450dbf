import { acme, up, vpsExec } from '@diveops/lab'
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
import type { Outcome } from '../harness/action.ts'
import { DOMAINS, deploySecurable, setupSsl } from '../harness/securetiny.ts'
import { NAMES, visit } from '../harness/site.ts'
import { edit, onServer, put, site, snapshot } from '../harness/tiny.ts'

jest.setTimeout(600_000)

let root = ''

beforeAll(async () => {
  await up(() => {})
  root = await acme.root('production')
})
afterAll(async () => {
  await vpsExec('umount /opt/diveops/certs 2>/dev/null; true')
  await acme.reset()
})

const made = async () => [await acme.orders('staging'), await acme.orders('production')]
const failure = ({ log }: Outcome) => /^::error::(.*)$/m.exec(log)?.[1] ?? log
const forget = () => onServer('rm -f .diveops/acme-ledger.tsv')

/** The site answers over HTTP as before, and no visitor is sent to an HTTPS that is not there. */
async function expectPlain(outcome: Outcome, state = 'untouched'): Promise<void> {
  expect(outcome.code).toBe(1)
  expect(outcome.outputs.state).toBe(state)
  expect(await site()).toContain('release s1')
}

describe('an authority that does not do as it should', () => {
  beforeAll(() => deploySecurable())
  beforeEach(async () => {
    await acme.reset()
    await forget()
  })

  test('the staging fails: no order is made', async () => {
    await acme.fault({ kind: 'rateLimited', retryAfter: 600, ca: 'staging' })
    const outcome = await setupSsl()
    expect(failure(outcome)).toMatch(
      /^no certificate for happydiving\.mx: the try at https:\/\/acme-staging-v02\S+: .*too many new orders/
    )
    expect(await made()).toEqual([2, 0])
    await expectPlain(outcome)
  })

  test('a rate limit is told with the time, and the next run makes no order before', async () => {
    await acme.fault({ kind: 'rateLimited', retryAfter: 3600, ca: 'production' })
    const outcome = await setupSsl()
    const at = /takes no order before (\S+ \S+ UTC)/.exec(failure(outcome))?.[1]
    expect(failure(outcome)).toMatch(
      /^no certificate for happydiving\.mx: the certificate authority takes no order before /
    )
    expect(await made()).toEqual([2, 2])
    await expectPlain(outcome)
    await acme.reset()
    const again = await setupSsl()
    expect(failure(again)).toContain(
      `no certificate for happydiving.mx: no order before ${at}, to stay within the limits`
    )
    expect((await made())[1]).toBe(0)
    await expectPlain(again)
  })

  test('503 for ever: the run gives up, and counts nothing against the limits', async () => {
    await acme.fault({ kind: 'unavailable', retryAfter: 1, ca: 'production', on: 'newOrder' })
    const outcome = await setupSsl()
    expect(outcome.log).toContain('the certificate authority is busy (503): trying again in 1 s')
    expect(failure(outcome)).toContain(
      'no certificate for happydiving.mx: Service busy; retry later.'
    )
    // Each of the two was tried four times.
    expect((await made())[1]).toBe(8)
    await expectPlain(outcome)
    expect(await onServer('cat .diveops/acme-ledger.tsv')).not.toContain('\tfailed\t')
  })

  test('the folder for certificates is full', async () => {
    await vpsExec('mount -t tmpfs -o size=16k,mode=777 tmpfs /opt/diveops/certs')
    await onServer('docker restart tiny-proxy-1')
    const outcome = await setupSsl()
    await vpsExec('umount -l /opt/diveops/certs')
    await onServer('docker restart tiny-proxy-1')
    expect(failure(outcome)).toMatch(
      /^no certificate for happydiving\.mx: .*the disk is full: \d+ KB free for \/opt\/diveops\/certs/
    )
    expect((await made())[1]).toBeLessThan(3)
    await expectPlain(outcome)
  })

  test('one certificate of two fails: the other is kept, the site waits, the run says which', async () => {
    await acme.fault({ kind: 'rateLimited', retryAfter: 3600, ca: 'production', times: 1 })
    const outcome = await setupSsl()
    expect(failure(outcome)).toMatch(
      /^no certificate for happydiving\.mx: the certificate authority takes no order/
    )
    expect(await made()).toEqual([2, 2])
    expect(await onServer('ls certs/live')).toContain('buceofeliz.com')
    expect(outcome.code).toBe(1)
    expect(await site()).toContain('release s1')
  })

  test('503 once is waited out, slow answers are waited for; only what is missing is ordered', async () => {
    await acme.fault({
      kind: 'unavailable',
      retryAfter: 1,
      ca: 'production',
      on: 'newOrder',
      times: 1
    })
    await acme.fault({ kind: 'slow', seconds: 12, ca: 'production', on: 'newOrder', times: 1 })
    const outcome = await setupSsl()
    expect(outcome.outputs.state ?? outcome.log).toBe('live')
    expect(outcome.log).toContain('the certificate authority is busy (503): trying again in 1 s')
    expect(await made()).toEqual([1, 2])
    for (const name of NAMES) expect((await visit(name, '/', root)).status).toBe(200)
  })

  test.each([
    ['missing', 'rm -r live/happydiving.mx'],
    ['dangling', 'rm archive/happydiving.mx/fullchain*.pem'],
    ['with another key', 'cp archive/buceofeliz.com/privkey1.pem live/happydiving.mx/privkey.pem']
  ])('a certificate that is there and %s is made anew', async (_what, damage) => {
    await onServer(`cd certs && ${damage}`)
    const outcome = await setupSsl()
    expect(outcome.outputs.state ?? outcome.log).toBe('live')
    expect((await made())[1]).toBe(1)
    for (const name of NAMES) expect((await visit(name, '/', root)).status).toBe(200)
  })
})

test('an HTTPS configuration that nginx refuses: the certificates are kept, HTTP serves on', async () => {
  await deploySecurable(DOMAINS, copy =>
    edit(copy, 'proxy/default.conf', 'listen 443 ssl;', 'listen 443 ssl; bogus_directive on;')
  )
  const outcome = await setupSsl()
  expect(failure(outcome)).toContain('nginx refuses the configuration of this release')
  expect(outcome.log).toContain('unknown directive "bogus_directive"')
  await expectPlain(outcome, 'restored')
  expect(await made()).toEqual([2, 2])
  const before = await snapshot()
  const again = await setupSsl()
  await expectPlain(again, 'restored')
  expect(await made()).toEqual([2, 2])
  expect(await snapshot()).toBe(before)
})

test('a port 443 that nobody reaches: everything goes back to HTTP', async () => {
  await deploySecurable(DOMAINS, copy =>
    edit(copy, 'docker-compose.prod.yml', '"80:80", "443:443"', '"80:80"')
  )
  const outcome = await setupSsl()
  expect(failure(outcome)).toMatch(
    /^HTTPS is not proven: happydiving\.mx does not answer over HTTPS: connection refused by \S+:443/
  )
  await expectPlain(outcome, 'restored')
  expect(await made()).toEqual([2, 2])
})

test('a domain with its own pair of files is served over HTTPS while the other one fails', async () => {
  const server = (name: string, scheme: 'http' | 'https') => {
    const challenge =
      'location ^~ /.well-known/acme-challenge/ { root /etc/nginx/certs/webroot; default_type text/plain; }'
    const app = 'location / { proxy_pass http://web:8000; }'
    const names = `server_name ${name} www.${name};`
    if (scheme === 'http') return `server { listen 80; ${names} ${challenge} ${app} }\n`
    const files = `ssl_certificate /etc/nginx/certs/live/${name}/fullchain.pem; ssl_certificate_key /etc/nginx/certs/live/${name}/privkey.pem;`
    return `server { listen 80; ${names} ${challenge} location / { return 301 https://$host$request_uri; } }
server { listen 443 ssl; ${names} ${files} ${app} }\n`
  }
  const [first, second] = ['happydiving.mx', 'buceofeliz.com']
  await deploySecurable(DOMAINS, async copy => {
    const shared = 'proxy: {http: http.conf, https: proxy/default.conf}'
    const pair = (name: string) => `${name}: {http: plain/${name}.conf, https: proxy/${name}.conf}`
    await edit(copy, 'diveops.yml', shared, `proxy: {pairs: {${pair(first)}, ${pair(second)}}}`)
    await put(
      copy,
      'proxy/default.conf',
      'server { listen 80 default_server; location / { proxy_pass http://web:8000; } }\n'
    )
    for (const name of [first, second]) {
      await put(copy, `proxy/${name}.conf`, server(name, 'https'))
      await put(copy, `plain/${name}.conf`, server(name, 'http'))
    }
  })
  await acme.fault({ kind: 'rateLimited', retryAfter: 3600, ca: 'production', times: 1 })
  const outcome = await setupSsl()
  expect(failure(outcome)).toMatch(/^no certificate for happydiving\.mx: .*\[live: /)
  expect(outcome.code).toBe(1)
  expect((await visit('buceofeliz.com', '/', root)).status).toBe(200)
  expect((await visit('happydiving.mx', '/')).status).toBe(200)
  expect(await made()).toEqual([2, 2])
})
