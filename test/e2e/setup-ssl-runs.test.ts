import { acme, up, vpsExec } from '@diveops/lab'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { underVisitors } from '../harness/prober.ts'
import { deploySecurable, setupSsl } from '../harness/securetiny.ts'
import { NAMES, operator, running, serialOnDisk, visit } from '../harness/site.ts'

jest.setTimeout(600_000)

let root = ''

beforeAll(async () => {
  await up(() => {})
  root = await acme.root('production')
})
afterAll(() => acme.reset())

async function expectHttps(names: readonly string[] = NAMES): Promise<void> {
  for (const name of names) expect((await visit(name, '/', root)).status).toBe(200)
}

test('of two runs at the same time one waits, and each certificate is ordered once', async () => {
  await deploySecurable()
  const outcomes = await Promise.all([setupSsl(), setupSsl()])
  const logs = outcomes.map(({ log }) => log).join('\n')
  expect(outcomes.map(({ outputs, log }) => outputs.state ?? log).sort()).toEqual([
    'live',
    'unchanged'
  ])
  expect(logs).toContain(
    'waiting for https://github.com/nestorwheelock/tiny/actions/runs/43 by nestorwheelock since '
  )
  expect([await acme.orders('staging'), await acme.orders('production')]).toEqual([2, 2])
  await expectHttps()
})

test.each([
  ['cancelled when the last certificate is there', 'SIGINT', 'buceofeliz.com: issued', 1],
  ['killed when the last certificate is there', 'SIGKILL', 'buceofeliz.com: issued', null],
  ['killed while the first one is ordered', 'SIGKILL', '→ order', null],
  ['killed in the middle of the switch', 'SIGKILL', '→ bake web', null],
  ['killed when all is switched and not yet recorded', 'SIGKILL', '→ proof', null]
] as const)(
  'a run %s: the next one finishes without a new order',
  async (_how, signal, at, code) => {
    await deploySecurable()
    const { result, seen } = await underVisitors(NAMES, root, async () => ({
      killed: await setupSsl({}, { at, signal }),
      next: await setupSsl()
    }))
    expect(result.killed.log).toContain(at)
    expect(result.killed.code).toBe(code)
    if (signal === 'SIGINT') expect(result.killed.log).toContain('::error::the run was cancelled')
    expect(result.next.outputs.state ?? result.next.log).toBe('live')
    expect(seen.bad).toEqual([])
    expect([await acme.orders('staging'), await acme.orders('production')]).toEqual([2, 2])
    await expectHttps()
    const before = await running()
    const last = await setupSsl()
    expect([last.outputs.state, last.outputs.changed]).toEqual(['unchanged', 'false'])
    expect(await running()).toBe(before)
  }
)

test('a commit that dies when it has recorded all takes nothing back', async () => {
  await deploySecurable()
  // What comes after the record ends the script that asks for it, once.
  await vpsExec(`mv /usr/bin/wc /usr/bin/wc.real; rm -f /tmp/struck
cat > /usr/bin/wc <<'FILE'
#!/bin/sh
if [ "$*" = -l ] && [ ! -e /tmp/struck ] && tail -n 1 /opt/diveops/.diveops/journal.jsonl | grep -q '"step":"prune"'; then
  : > /tmp/struck
  kill -KILL "$PPID"
fi
exec /usr/bin/wc.real "$@"
FILE
chmod 755 /usr/bin/wc`)
  const outcome = await setupSsl()
  const { stdout } = await vpsExec(
    'mv -f /usr/bin/wc.real /usr/bin/wc; ls /tmp/struck; rm -f /tmp/struck'
  )
  expect(stdout).toBe('/tmp/struck\n')
  expect([outcome.outputs.state, outcome.log]).toEqual(['live', expect.anything()])
  expect(outcome.log).toMatch(/release \S+ was live by then/)
  await expectHttps()
  const again = await setupSsl()
  expect(again.outputs.state ?? again.log).toBe('unchanged')
})

test('a folder certs that belongs to root, as engines and old set-ups make it, will do', async () => {
  await deploySecurable()
  await vpsExec('chmod 755 /opt/diveops/certs && chown root: /opt/diveops/certs')
  const outcome = await setupSsl()
  expect(outcome.outputs.state ?? outcome.log).toBe('live')
  await expectHttps()
  expect((await vpsExec('stat -c %U:%a /opt/diveops/certs/archive')).stdout).toBe('captain:700\n')
  const again = await setupSsl()
  expect(again.outputs.state ?? again.log).toBe('unchanged')
  expect(await operator('./init-ssl.sh --renew')).toContain(
    'every certificate is current and served'
  )
  expect(await acme.orders('production')).toBe(2)
})

test('names of the input are secured although diveops.yml has none', async () => {
  await deploySecurable('')
  const none = await setupSsl()
  expect(none.log).toContain('::error::there is no domain to secure')
  expect(none.outputs.state).toBe('untouched')
  const outcome = await setupSsl({ domains: NAMES.join('\n') })
  expect(outcome.outputs.state ?? outcome.log).toBe('live')
  expect([await acme.orders('staging'), await acme.orders('production')]).toEqual([2, 2])
  await expectHttps()
})

test('names of one certificate only: it is obtained, and the site waits for the other one', async () => {
  await deploySecurable()
  const half = await setupSsl({ domains: 'happydiving.mx www.happydiving.mx' })
  expect(half.log).toContain(
    '::warning::nginx serves the HTTP-only http.conf: there is no certificate /etc/nginx/certs/live/buceofeliz.com/fullchain.pem'
  )
  expect(half.log).toContain('live: the site serves over HTTP until every domain')
  expect(await acme.orders('production')).toBe(1)
  expect((await visit('happydiving.mx', '/')).status).toBe(200)
  const serial = await serialOnDisk('happydiving.mx')
  const rest = await setupSsl()
  expect(rest.outputs.state ?? rest.log).toBe('live')
  expect(await acme.orders('production')).toBe(2)
  expect(await serialOnDisk('happydiving.mx')).toBe(serial)
  await expectHttps()
})
