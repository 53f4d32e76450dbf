import { readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { root as repository } from '@diveops/build'
import { quote } from '@diveops/core/base/shell'
import {
  acme,
  act,
  assembleExample,
  registryToken,
  resetVps,
  runnerExec,
  SERVER_USER,
  up,
  vpsExec
} from '@diveops/lab'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { type Probed, underVisitors } from '../harness/prober.ts'
import { caller } from '../harness/readme.ts'
import {
  NAMES,
  operator,
  running,
  serialOnDisk,
  tryOperator,
  until,
  visit
} from '../harness/site.ts'
import { REGISTRY_USER } from '../harness/tiny.ts'

jest.setTimeout(900_000)

const CERTIFICATES = ['happydiving.mx', 'buceofeliz.com'] as const
const HEADERS = {
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-frame-options': 'SAMEORIGIN',
  'x-content-type-options': 'nosniff',
  'x-xss-protection': '1; mode=block',
  'referrer-policy': 'strict-origin-when-cross-origin'
}

let folder = ''
let root = ''
let first: { code: number; output: string; seen: Probed; readable: string }
let serials: string[] = []

beforeAll(async () => {
  await up(() => {})
  await resetVps()
  await acme.reset()
  root = await acme.root('production')
  folder = await assembleExample(['deploy.yml', 'setup-ssl.yml', 'rollback.yml'])
  const deployed = await act(folder, ['push'])
  if (deployed.code !== 0) throw new Error(deployed.output)
  const watch = watchKeys()
  const { result, seen } = await underVisitors(NAMES, root, () => workflow('setup-ssl'))
  first = { ...result, seen, readable: await watch.end() }
  serials = await Promise.all(CERTIFICATES.map(serialOnDisk))
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await acme.reset()
})

/** Runs a workflow of the example as a person would. */
function workflow(name: string, inputs: Record<string, string> = {}) {
  const words = Object.entries(inputs).flatMap(([key, value]) => ['--input', `${key}=${value}`])
  return act(folder, [
    ...['workflow_dispatch', '--workflows', `.github/workflows/${name}.yml`, ...words]
  ])
}

/** Looks all the time for private keys that somebody else than their owner may read. */
function watchKeys(): { end(): Promise<string> } {
  const found = vpsExec(`rm -f /run/enough; while [ ! -e /run/enough ]; do
    find /opt/diveops/certs -name '*privkey*' -type f -perm /077; find /opt/diveops/certs -path '*/keys/*' -type f -perm /077
    sleep 0.1; done 2>/dev/null | sort -u`)
  return {
    async end() {
      await vpsExec('touch /run/enough')
      return (await found).stdout
    }
  }
}

function outputs(log: string): Record<string, string> {
  return Object.fromEntries(
    [...log.matchAll(/::set-output:: (\S+?)=(.*)/g)].map(([, key, value]) => [key, value])
  )
}

test('setup-ssl.yml, unmodified, ends on HTTPS, and no visitor sees an error on the way', async () => {
  expect(first.output).toContain('live: the site serves over HTTPS')
  expect(first.code).toBe(0)
  expect(first.seen.bad).toEqual([])
  expect(first.seen.asked.http).toBeGreaterThan(first.seen.redirected)
  expect(first.seen.asked.https).toBeGreaterThan(0)
  expect(first.seen.redirected).toBeGreaterThan(0)
  expect([await acme.orders('staging'), await acme.orders('production')]).toEqual([2, 2])
  expect(outputs(first.output)).toMatchObject({
    changed: 'true',
    state: 'live',
    expires: expect.stringMatching(/^\d{4}-\d\d-\d\dT/)
  })
})

test.each(NAMES)('%s: one redirect to HTTPS, the right page, the headers', async name => {
  const plain = await visit(name, '/?dive=40')
  expect([plain.status, plain.headers.location]).toEqual([301, `https://${name}/?dive=40`])
  expect(plain.headers).not.toHaveProperty('strict-transport-security')
  const page = await visit(name, '/?dive=40', root)
  expect(page.status).toBe(200)
  expect(page.body).toContain(name.endsWith('happydiving.mx') ? 'lang="en"' : 'lang="es"')
  expect(page.headers).toMatchObject(HEADERS)
})

test.each(NAMES)('%s: the chain is complete, and what is served is what is on disk', async name => {
  const certificate = NAMES[NAMES.indexOf(name) & ~1] as string
  // Only with the intermediate from the server does the root vouch for the certificate.
  const { stdout } = await runnerExec(
    `cat > /tmp/root.pem; openssl s_client -connect vps.lab:443 -servername ${name} -verify_hostname ${name} -verify_return_error -CAfile /tmp/root.pem -no-CApath -no-CAstore -showcerts </dev/null 2>&1`,
    { stdin: root }
  )
  expect(stdout).toContain('Verify return code: 0 (ok)')
  expect(stdout.match(/BEGIN CERTIFICATE/g)?.length).toBeGreaterThan(1)
  const { stdout: served } = await runnerExec('openssl x509 -noout -serial', { stdin: stdout })
  expect(
    served
      .trim()
      .replace(/^serial=0*/, '')
      .toLowerCase()
  ).toBe(await serialOnDisk(certificate))
})

test('TLS 1.2 and 1.3 are spoken, 1.1 is refused', async () => {
  const shake = async (version: string) => {
    const { stdout } = await runnerExec(
      `openssl s_client -connect vps.lab:443 -servername happydiving.mx -cipher 'ALL:@SECLEVEL=0' -${version} </dev/null 2>&1`
    )
    return /^ *Protocol *: (\S+)|^New, (TLSv\S+),|(alert protocol version)/m.exec(stdout)?.[0]
  }
  expect(await shake('tls1_2')).toContain('TLSv1.2')
  expect(await shake('tls1_3')).toContain('TLSv1.3')
  expect(await shake('tls1_1')).toBe('alert protocol version')
})

test('the challenge location answers over plain HTTP, outside of the redirect', async () => {
  await operator('echo hello > certs/webroot/.well-known/acme-challenge/by-hand')
  for (const name of NAMES) {
    const { status, body } = await visit(name, '/.well-known/acme-challenge/by-hand')
    expect([status, body]).toEqual([200, 'hello\n'])
  }
  await operator('rm certs/webroot/.well-known/acme-challenge/by-hand')
})

test('the server looks as its operators know it', async () => {
  expect(await operator('cat .env')).toContain("SECURE_SSL_REDIRECT='true'")
  const before = await running()
  await operator('docker compose -f docker-compose.prod.yml up -d')
  expect(await running()).toBe(before)
  const release = JSON.parse(await operator('cat current/release.json'))
  expect(release).toMatchObject({ variant: 'https', pairs: [{ variant: 'https' }] })
  expect(await operator('stat -c %A init-ssl.sh')).toBe('-rwxr-xr-x\n')
  expect(await operator('crontab -l')).toMatch(
    /^\d+ \d+,\d+ \* \* \* "\/opt\/diveops\/init-ssl\.sh" --renew .*\n$/
  )
  expect(JSON.parse(await operator('cat .diveops/tls.json')).renewal).toMatchObject({
    result: 'ok'
  })
  expect(await operator('ls -A certs/webroot/.well-known/acme-challenge')).toBe('')
})

test('private keys are for their owner alone, and in no log', async () => {
  expect(first.readable).toBe('')
  expect(await operator("find certs/ -name 'privkey*.pem' -type f -exec stat -c %a {} +")).toBe(
    '600\n600\n'
  )
  expect(first.output).not.toContain('PRIVATE KEY')
})

test('run again at once, by a call from another repository, it changes nothing and asks no authority', async () => {
  const before = await running()
  const asked = (await acme.requests()).length
  await writeFile(path.join(folder, '.github/workflows/call.yml'), caller('setup-ssl'))
  const { code, output } = await workflow('call')
  expect(output).toContain('unchanged: every certificate is there')
  expect(code).toBe(0)
  expect(outputs(output)).toMatchObject({ changed: 'false', state: 'unchanged' })
  expect(outputs(output).expires).toBe(outputs(first.output).expires)
  expect((await acme.requests()).length).toBe(asked)
  expect(await running()).toBe(before)
})

test('with the names of one certificate it looks at that one only', async () => {
  const asked = (await acme.requests()).length
  const { code, output } = await workflow('setup-ssl', {
    domains: 'buceofeliz.com www.buceofeliz.com'
  })
  expect(output).toContain('unchanged: every certificate is there')
  expect(output).not.toContain('happydiving.mx: ')
  expect(code).toBe(0)
  expect((await acme.requests()).length).toBe(asked)
})

test('a deploy and a rollback afterwards stay on HTTPS with the same certificates', async () => {
  const asked = (await acme.requests()).length
  await writeFile(path.join(folder, 'CHANGES.md'), 'Night dives.\n')
  const { result, seen } = await underVisitors(NAMES, root, async () => [
    await act(folder, ['push']),
    await workflow('rollback')
  ])
  for (const { code, output } of result) {
    expect(output).toContain('live: the release serves')
    expect(code).toBe(0)
  }
  expect(seen.bad).toEqual([])
  expect(Object.keys(seen.serials).sort()).toEqual([...serials].sort())
  expect(await Promise.all(CERTIFICATES.map(serialOnDisk))).toEqual(serials)
  expect(await operator('cat .env')).toContain("SECURE_SSL_REDIRECT='true'")
  expect((await acme.requests()).length).toBe(asked)
})

test('every command of the operations guide does what it says', async () => {
  await vpsExec(`docker login ghcr.io -u ${REGISTRY_USER} --password-stdin`, {
    user: SERVER_USER,
    stdin: await registryToken()
  })
  const guide = await readFile(path.join(repository, 'docs/operations.md'), 'utf8')
  const blocks = [...guide.matchAll(/```sh server\n([\s\S]*?)```/g)].map(
    ([, text]) => text as string
  )
  const commands = blocks.flatMap(text => text.trim().split('\n'))
  expect(commands.length).toBeGreaterThan(20)
  for (const command of commands) {
    const follows = command.includes('logs -f')
    // In a terminal, as an operator has it, who leaves a shell with Ctrl-D.
    const keys = / (shell|psql .*)$/.test(command)
      ? "sleep 8; printf '\\004'; sleep 4; printf '\\004'"
      : ':'
    const typed = `{ ${keys}; } | timeout ${follows ? 5 : 120} script -qec ${quote(command)} /dev/null`
    const { code, output } = await tryOperator(typed)
    expect([command, output, code]).toEqual([command, output, follows ? 124 : 0])
  }
  expect(await operator('tail -n 5 backup.sql')).toContain('PostgreSQL database dump complete')
  for (const name of NAMES) {
    await until(name, async () => (await visit(name, '/', root)).status === 200)
  }
})
