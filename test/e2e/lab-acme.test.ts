import { acme, resetVps, runnerExec, SERVER_USER, serverAddress, up, vpsExec } from '@diveops/lab'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'

const NAME = 'happydiving.mx'
/** An address of the lab's network with nothing on port 80: the runner's. */
const ELSEWHERE = "getent ahostsv4 runner | sed -n '1s/ .*//p'"

beforeAll(async () => {
  await up(() => {})
  await resetVps()
  await asCaptain('mkdir -p /opt/diveops/www /opt/diveops/le')
  await asCaptain(
    'docker run -d --name web -p 80:80 -v /opt/diveops/www:/usr/share/nginx/html:ro nginx:alpine'
  )
}, 900_000)

beforeEach(() => acme.reset())

afterAll(async () => {
  await acme.reset()
  await resetVps()
})

test('certbot gets a certificate from the production authority, once', async () => {
  const { code, output } = await order(NAME, [`www.${NAME}`])
  expect(output).toContain('Successfully received certificate')
  expect(code).toBe(0)
  expect([await acme.orders('production'), await acme.orders('staging')]).toEqual([1, 0])
  const verified = await runnerExec(
    'cat > /tmp/leaf; openssl verify -untrusted /tmp/leaf /tmp/leaf',
    {
      stdin: await certificate(NAME)
    }
  )
  expect(verified.stdout).toContain('OK')

  const again = await order(NAME, [`www.${NAME}`])
  expect(again.output).toContain('Certificate not yet due for renewal; no action taken.')
  expect([again.code, await acme.orders()]).toEqual([0, 1])
}, 60_000)

test('the authority can have a certificate renewed', async () => {
  await acme.setAddresses('shop.test', { a: [await serverAddress()] })
  await order('shop.test')
  await acme.renewNow(await certificate('shop.test'))
  await asCaptain("sed -i '/^ari_retry_after/d' /opt/diveops/le/renewal/shop.test.conf")
  const renew = ['renew', '--cert-name', 'shop.test', '--no-random-sleep-on-renew']
  const { code, output } = await certbot(renew)
  expect(output).toContain('Renewing an existing certificate for shop.test')
  expect([code, await acme.orders('production')]).toEqual([0, 2])
}, 60_000)

test('faults look like those of the real one and are counted', async () => {
  await acme.fault({ kind: 'rateLimited', retryAfter: 7200 })
  const limited = await order('buceofeliz.com')
  expect(limited.output).toMatch(/too many new orders .*, retry after \d{4}-\d\d-\d\d [\d:]{8} UTC/)
  expect([limited.code, await acme.orders(), await acme.orders('staging')]).toEqual([1, 1, 0])

  await acme.clearFaults()
  await acme.fault({ kind: 'unavailable', retryAfter: 1, times: 1 })
  const busy = await order('buceofeliz.com')
  expect(busy.output).toContain('Service busy')
  expect((await acme.requests()).at(-1)?.status).toBe(503)

  await acme.fault({ kind: 'down', ca: 'staging' })
  expect(await fromRunner('acme-v02')).toBe(0)
  expect(await fromRunner('acme-staging-v02')).not.toBe(0)
  await acme.fault({ kind: 'down' })
  expect(await fromRunner('acme-v02')).toBe(7)
}, 60_000)

test('names lead where a test wants them, on the server and in its containers', async () => {
  expect(await asCaptain(`getent ahostsv4 www.buceofeliz.com`)).toContain(await serverAddress())
  expect(await asCaptain(`docker exec web getent hosts shop.test; echo $?`)).toBe('2\n')
  await acme.setAddresses('shop.test', { a: ['192.0.2.1'], aaaa: ['2001:db8::1'] })
  expect(await asCaptain(`docker exec web getent ahosts shop.test`)).toMatch(/192\.0\.2\.1/)

  const { stdout } = await runnerExec(ELSEWHERE)
  await acme.setAddresses('buceofeliz.com', { a: [stdout.trim()] })
  const { code, output } = await order('buceofeliz.com')
  expect(output).toMatch(/Identifier: buceofeliz\.com\s+Type: +connection/)
  expect(code).toBe(1)
}, 60_000)

/** How curl on the runner ends when it asks an authority of the given name for its directory. */
async function fromRunner(name: string): Promise<number> {
  return (await runnerExec(`curl -sf https://${name}.api.letsencrypt.org/directory`)).code
}

function order(name: string, others: readonly string[] = []) {
  return certbot([
    ...['certonly', '--webroot', '-w', '/www', '--cert-name', name, '--keep-until-expiring'],
    ...[name, ...others].flatMap(name => ['-d', name]),
    ...['--register-unsafely-without-email', '--agree-tos', '--key-type', 'ecdsa'],
    ...['--preferred-profile', 'classic']
  ])
}

/** Runs certbot's image on the server as the user who deploys, with Let's Encrypt as it is by default. */
async function certbot(words: readonly string[]): Promise<{ code: number; output: string }> {
  const bundle = '/etc/ssl/certs/ca-certificates.crt'
  const command = [
    ...['docker run --rm --user "$(id -u):$(id -g)"'],
    ...[`-v ${bundle}:${bundle}:ro`, `-e REQUESTS_CA_BUNDLE=${bundle}`],
    ...['-v /opt/diveops/www:/www', '-v /opt/diveops/le:/le', 'certbot/certbot:v5.8.0'],
    ...words,
    ...['-n', '--config-dir /le', '--work-dir /le/work', '--logs-dir /le/logs']
  ]
  const { code, stdout, stderr } = await vpsExec(command.join(' '), { user: SERVER_USER })
  return { code, output: stdout + stderr }
}

async function certificate(name: string): Promise<string> {
  return asCaptain(`cat /opt/diveops/le/live/${name}/fullchain.pem`)
}

async function asCaptain(command: string): Promise<string> {
  const { code, stdout, stderr } = await vpsExec(command, { user: SERVER_USER })
  if (code !== 0) throw new Error(`'${command}' failed on the server: ${stderr}`)
  return stdout
}
