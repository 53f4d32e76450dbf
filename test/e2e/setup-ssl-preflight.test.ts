import { acme, resetVps, serverAddress, up, vpsExec } from '@diveops/lab'
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
import type { Outcome } from '../harness/action.ts'
import { deploySecurable, setupSsl } from '../harness/securetiny.ts'
import { startStranger } from '../harness/strangers.ts'
import { onServer, site, snapshot } from '../harness/tiny.ts'

jest.setTimeout(300_000)

let before = ''

beforeAll(async () => {
  await up(() => {})
  await resetVps()
  await acme.reset()
})
afterAll(() => acme.reset())

/** The run failed, nothing of the site was touched, and no order was made anywhere. */
async function expectRefused(outcome: Outcome): Promise<void> {
  expect(outcome.code).toBe(1)
  expect(await acme.orders()).toBe(0)
  if (before === '') return
  expect(outcome.outputs).toMatchObject({ state: 'untouched', changed: 'false' })
  expect(await site()).toContain('release s1')
  expect(await snapshot()).toBe(before)
}

test.each([
  [{ email: 'nobody' }, "input 'email': got 'nobody', expected an address such as ops@example.com"],
  [
    { domains: 'https://happydiving.mx/' },
    "input 'domains': got 'https://happydiving.mx/', expected a domain name without scheme, port or path"
  ],
  [
    { domains: '*.happydiving.mx' },
    "input 'domains': got '*.happydiving.mx', expected names without a wildcard"
  ],
  [{ domains: '192.0.2.1' }, "input 'domains': got '192.0.2.1', expected "],
  [
    { domains: 'localhost' },
    "input 'domains': got 'localhost', expected a full domain name with its ending"
  ],
  [
    { 'acme-directory': 'http://ca.test/dir' },
    "input 'acme-directory': got 'http://ca.test/dir', expected the https address of an ACME directory"
  ],
  [
    { 'acme-directory': 'https://ca.test/dir', staging: 'true' },
    "input 'staging': got 'true', expected 'false', or an 'acme-staging-directory' beside"
  ],
  [{ domain: 'happydiving.mx' }, "input 'domain' is not known (did you mean 'domains'?)"]
])('the input %j is refused before the server is asked', async (inputs, says) => {
  const outcome = await setupSsl(inputs as unknown as Record<string, string>)
  expect(outcome.log).toContain(`::error::${says}`)
  await expectRefused(outcome)
})

test('a server on which nothing is live yet', async () => {
  const outcome = await setupSsl()
  expect(outcome.log).toContain(
    '::error::no release is live in /opt/diveops on captain@vps.lab:22; put the app live with deploy-vps first'
  )
  await expectRefused(outcome)
})

describe('with the app live over HTTP', () => {
  beforeAll(async () => {
    await deploySecurable()
    // The first run of all fetches the image with which the server looks.
    await acme.setAddresses('www.happydiving.mx', {})
    await setupSsl()
    before = await snapshot()
  })
  beforeEach(() => acme.reset())

  test('each name that an authority could not prove has a row with what to do', async () => {
    const server = await serverAddress()
    const stranger = await startStranger()
    const elsewhere = ['notfound', 'token', 'login', 'loop', 'port'].map(name => `${name}.test`)
    for (const name of elsewhere) await acme.setAddresses(name, { a: [stranger.address] })
    await acme.setAddresses('refused.test', { a: ['127.0.0.9'] })
    await acme.setAddresses('stale.test', { a: [server], aaaa: ['2001:db8::1'] })
    for (const name of ['caa.test', 'www.caa.test', 'dnsonly.test']) {
      await acme.setAddresses(name, { a: [server] })
    }
    await acme.setCaa('caa.test', [{ tag: 'issue', value: 'other-ca.example' }])
    await acme.setCaa('dnsonly.test', [
      { tag: 'issue', value: 'letsencrypt.org; validationmethods=dns-01' }
    ])
    await acme.servfail('servfail.test')
    const names = ['none.test', 'refused.test', ...elsewhere, 'stale.test', 'www.caa.test']
    const domains = [...names, 'dnsonly.test', 'servfail.test', 'happydiving.mx'].join('\n')
    const outcome = await setupSsl({ domains })
    await stranger.stop()
    const row = (name: string) =>
      outcome.log.split('\n').find(line => /^ *[✗✓] /.test(line) && line.includes(` ${name}: `))
    expect(row('happydiving.mx')).toBe(`  ✓ happydiving.mx: ${server} answers with our token`)
    expect(row('none.test')).toBe(
      `  ✗ none.test: does not resolve → add an A record for none.test to ${server}, or leave none.test out of 'domains'`
    )
    expect(row('refused.test')).toContain(
      `127.0.0.9: connection refused by 127.0.0.9:80 → let refused.test lead to ${server}, and the app's nginx publish port 80 there`
    )
    expect(row('notfound.test')).toContain(
      `${stranger.address}: status 404 instead of our token from elsewhere → let notfound.test lead to ${server}`
    )
    expect(row('token.test')).toContain("'a-token-of-somebody-else' instead of our token")
    expect(row('login.test')).toContain(
      "a login page, 'Sign in', instead of our token (status 200) after a redirect to http://login.test/login"
    )
    expect(row('loop.test')).toContain('redirects in a circle')
    expect(row('port.test')).toContain('redirects to port 8080 (http://port.test:8080/')
    expect(row('stale.test')).toMatch(
      /2001:db8::1 \(AAAA\): .+ → remove the AAAA record of stale.test, or let the server answer/
    )
    expect(row('www.caa.test')).toContain(
      'CAA records of caa.test allow other-ca.example, not letsencrypt.org → add the record: caa.test CAA 0 issue "letsencrypt.org"'
    )
    expect(row('dnsonly.test')).toContain('only by dns-01, not by http-01')
    expect(row('servfail.test')).toContain('DNS does not answer: ESERVFAIL')
    expect(outcome.log).toMatch(
      /::error::no order was made: none\.test: does not resolve; add an A record/
    )
    expect(outcome.summary).toMatch(/\| ❌ \| none\.test \| does not resolve \|/)
    await expectRefused(outcome)
  })

  test('a firewall before port 80', async () => {
    const rule = 'PREROUTING -t raw -p tcp --dport 80 -j DROP'
    await vpsExec(`iptables -I ${rule}`)
    const outcome = await setupSsl()
    await vpsExec(`iptables -D ${rule}`)
    expect(outcome.log).toMatch(/✗ happydiving\.mx: \S+: no connection to \S+:80 within 10\.0 s/)
    await expectRefused(outcome)
  })

  test('a proxy that does not run', async () => {
    await onServer('docker stop tiny-proxy-1')
    const outcome = await setupSsl()
    await onServer('docker start tiny-proxy-1')
    expect(outcome.log).toContain(
      '::error::no nginx of the app serves port 80 on captain@vps.lab:22'
    )
    expect(outcome.code).toBe(1)
    expect(await acme.orders()).toBe(0)
    before = await snapshot()
  })

  test.each([
    [
      'no location for challenges',
      's|location ^~ /.well-known[^}]*}||',
      'serves no folder for challenges on port 80 → add to the server that listens on port 80'
    ],
    [
      'a webroot that is not mounted',
      's|root /etc/nginx/certs/webroot|root /var/www/challenges|',
      'serves challenges from /var/www/challenges, which is not a folder of the server → mount the folder certs'
    ]
  ])('an nginx with %s: the lines to add are told', async (_what, change, says) => {
    const reload = 'docker exec tiny-proxy-1 nginx -s reload'
    await onServer(
      `cp proxy/default.conf /tmp/kept && sed -i '${change}' proxy/default.conf && ${reload}`
    )
    const outcome = await setupSsl()
    await onServer(`cat /tmp/kept > proxy/default.conf && rm /tmp/kept && ${reload}`)
    expect(outcome.log).toContain(`✗ nginx: ${says}`)
    expect(outcome.log).toContain(
      'location ^~ /.well-known/acme-challenge/ { root /etc/nginx/certs/webroot;'
    )
    await expectRefused(outcome)
  })

  test('a folder for certificates that the engine made, as root', async () => {
    await vpsExec('chown -R root:root /opt/diveops/certs && chmod 755 /opt/diveops/certs')
    await acme.setAddresses('www.buceofeliz.com', {})
    const outcome = await setupSsl()
    expect(outcome.log).toMatch(/✓ happydiving\.mx: \S+ answers with our token/)
    await expectRefused(outcome)
  })

  test('what else is wrong on the server is told below the reason', async () => {
    await acme.setAddresses('www.buceofeliz.com', {})
    await onServer('chmod 644 .env')
    const outcome = await setupSsl()
    await onServer('chmod 600 .env')
    const [row, reason] = ['! .env: mode 644, of captain', '::error::no order was made: www.']
    expect(outcome.log).toContain(`Wrong on the server after that:\n  ${row}`)
    expect(outcome.log).not.toContain('next: run the setup-ssl action')
    expect(outcome.log.slice(outcome.log.indexOf(row))).toContain(reason)
    expect(outcome.summary).toContain('| ⚠️ | safety: .env | mode 644, of captain |')
    await expectRefused(outcome)
  })

  test('a server without name servers', async () => {
    await vpsExec('pkill -STOP dnsmasq')
    const outcome = await setupSsl()
    await vpsExec('pkill -CONT dnsmasq')
    expect(outcome.log).toMatch(
      /✗ acme-v02\.api\.letsencrypt\.org: the server cannot reach it: .*→ let the server resolve names/
    )
    await expectRefused(outcome)
  })

  test('an authority that is down', async () => {
    await acme.fault({ kind: 'down' })
    const outcome = await setupSsl()
    await acme.clearFaults()
    expect(outcome.log).toMatch(
      /✗ acme-v02\.api\.letsencrypt\.org: the server cannot reach it: .*[Cc]onnection refused/
    )
    await expectRefused(outcome)
  })
})
