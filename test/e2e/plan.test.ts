import { readFile } from 'node:fs/promises'
import { resetVps, up } from '@diveops/lab'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import {
  buildTiny,
  checkoutTiny,
  deployTiny,
  edit,
  IMAGE,
  onServer,
  removeAll,
  snapshot
} from '../harness/tiny.ts'

jest.setTimeout(300_000)

const FILE = 'docker-compose.prod.yml'
const folders: string[] = []
const digests = { r1: '', r2: '' }

beforeAll(async () => {
  await up(() => {})
  await resetVps()
  digests.r1 = await buildTiny('r1')
  digests.r2 = await buildTiny('r2')
  const { code, log } = await deployTiny(await checkout(), { digest: digests.r1, strategy: 'roll' })
  if (code !== 0) throw new Error(log)
  // So that what compose would do can be asked with the new image under the compose file's name.
  await onServer(`docker pull ${IMAGE}@${digests.r2}`)
})
afterAll(() => removeAll(folders))

async function checkout(change?: (folder: string) => Promise<void>): Promise<string> {
  const folder = await checkoutTiny(async copy => {
    await edit(copy, 'diveops.yml', 'release:', 'health: {bake: 1s}\nrelease:')
    await change?.(copy)
  })
  folders.push(folder)
  return folder
}

interface Row {
  service: string
  what: string
  why: string
  downtime: string
}

/** The plan of a deploy, which changes nothing, and its log. */
async function plan(folder: string, digest: string): Promise<{ rows: Row[]; log: string }> {
  const before = await snapshot()
  const { outputs, log } = await deployTiny(folder, {
    digest,
    strategy: 'roll',
    'plan-only': 'true'
  })
  expect(log).not.toContain('::error::')
  expect(await snapshot()).toBe(before)
  return { rows: JSON.parse(outputs.plan ?? '').services, log }
}

/** What compose itself would do to each service, given the files and the image of a release. */
async function composeSays(folder: string, digest: string): Promise<Record<string, string>> {
  const text = await readFile(`${folder}/${FILE}`, 'base64')
  const said = await onServer(`mkdir -p /tmp/plan && echo ${text} | base64 -d > /tmp/plan/${FILE}
docker tag ${IMAGE}@${digest} ${IMAGE}:latest
docker compose --project-directory /opt/diveops -f /tmp/plan/${FILE} --dry-run up -d --no-build --pull never 2>&1
docker tag ${IMAGE}@${digests.r1} ${IMAGE}:latest; rm -r /tmp/plan`)
  const found: Record<string, string> = {}
  for (const [, service = '', words] of said.matchAll(/Container tiny-(\w+)-1 +(\w+)/g)) {
    if (words === 'Recreate') found[service] = 'recreate'
    else if (words === 'Creating') found[service] = 'create'
    else found[service] ??= 'keep'
  }
  return found
}

/** What is done to a service as compose would call it. */
const AS_COMPOSE: Record<string, string> = {
  keep: 'keep',
  reload: 'keep',
  roll: 'recreate',
  recreate: 'recreate',
  left: 'recreate',
  create: 'create'
}

const label = (service: string) => (copy: string) =>
  edit(copy, FILE, `  ${service}:\n`, `  ${service}:\n    labels: {changed: 'yes'}\n`)

describe('the plan says what compose would do, and why for each service', () => {
  test('nothing new', async () => {
    const folder = await checkout()
    const { rows } = await plan(folder, digests.r1)
    expect(rows.map(({ service, what }) => [service, what])).toEqual([
      ['store', 'keep'],
      ['web', 'keep'],
      ['proxy', 'keep']
    ])
    expect(await composeSays(folder, digests.r1)).toEqual({
      store: 'keep',
      web: 'keep',
      proxy: 'keep'
    })
  })

  test.each<
    [string, 'r1' | 'r2', (copy: string) => Promise<void>, Record<string, [string, RegExp]>]
  >([
    ['the image', 'r2', async () => {}, { web: ['roll', /^image \w{7} to \w{7}$/] }],
    ['labels of the app', 'r1', label('web'), { web: ['roll', /^labels$/] }],
    [
      'ports of the proxy',
      'r1',
      copy => edit(copy, FILE, '["80:80"]', '["80:80", "8081:80"]'),
      { proxy: ['recreate', /^ports$/] }
    ],
    [
      'a new service',
      'r1',
      copy => edit(copy, FILE, '  store:\n', '  cache: {image: redis:7-alpine}\n  store:\n'),
      { cache: ['create', /not on the host yet/] }
    ]
  ])('%s', async (_name, release, change, expected) => {
    const folder = await checkout(change)
    const { rows } = await plan(folder, digests[release])
    const compose = await composeSays(folder, digests[release])
    for (const [service, [what, why]] of Object.entries(expected)) {
      const row = rows.find(one => one.service === service)
      expect(row).toMatchObject({ what, why: expect.stringMatching(why) })
    }
    for (const { service, what } of rows) {
      // Of what compose would make anew because of another service, only that one is the reason.
      const cause = service in expected || compose[service] !== 'recreate'
      if (cause) expect([service, AS_COMPOSE[what]]).toEqual([service, compose[service]])
    }
  })

  test('the definition of a service with data', async () => {
    const folder = await checkout(label('store'))
    const { rows, log } = await plan(folder, digests.r1)
    expect(rows[0]).toMatchObject({
      service: 'store',
      what: 'left',
      why: expect.stringContaining('its labels changed: compose would make it anew')
    })
    expect(log).toContain('\u001b[31mstore    left')
    expect((await composeSays(folder, digests.r1)).store).toBe('recreate')
  })

  test('what somebody edited in .env, by name alone', async () => {
    const folder = await checkout(copy =>
      edit(copy, FILE, '  store:\n', '  store:\n    env_file: .env\n')
    )
    await onServer(
      "cp -p .env .env.kept && sed -i 's/^API_TOKEN=.*/API_TOKEN=edited-by-hand/; s/^GREETING=.*/GREETING=hola/' .env"
    )
    try {
      const { rows, log } = await plan(folder, digests.r1)
      expect(rows.find(({ service }) => service === 'web')).toMatchObject({
        what: 'roll',
        why: 'environment ~API_TOKEN ~GREETING'
      })
      expect(log).not.toContain('edited-by-hand')
      const compose = await composeSays(folder, digests.r1)
      expect(compose).toMatchObject({ web: 'recreate', store: 'recreate' })
      expect(rows.find(({ service }) => service === 'store')?.what).toBe('left')
    } finally {
      await onServer('mv .env.kept .env')
    }
  })

  test('a file of nginx, with a diff that shows no secret', async () => {
    const token = (await onServer('cat .env')).match(/API_TOKEN='(\w+)'/)?.[1] as string
    await onServer(
      `cp -p proxy/default.conf /tmp/kept.conf; echo '# ${token}' >> proxy/default.conf`
    )
    try {
      const folder = await checkout(copy =>
        edit(copy, 'proxy/default.conf', 'server {', 'server {\n    server_tokens off;')
      )
      const { rows, log } = await plan(folder, digests.r1)
      expect(rows.map(({ what, downtime }) => [what, downtime])).toEqual([
        ['keep', 'none'],
        ['keep', 'none'],
        ['reload', 'none']
      ])
      expect(log).toContain('+    server_tokens off;')
      expect(log).toContain('-# ***')
      expect(log).not.toContain(token)
      expect((await composeSays(folder, digests.r1)).proxy).toBe('keep')
    } finally {
      await onServer('mv /tmp/kept.conf proxy/default.conf')
    }
  })

  test('a service that the compose file no longer has', async () => {
    const with2 = await checkout(copy =>
      edit(copy, FILE, '  store:\n', '  cache: {image: redis:7-alpine}\n  store:\n')
    )
    // Its definition is part of no running service: nothing else restarts.
    expect((await deployTiny(with2, { digest: digests.r1, strategy: 'roll' })).outputs.state).toBe(
      'live'
    )
    const { rows } = await plan(await checkout(), digests.r1)
    expect(rows.at(-1)).toMatchObject({ service: 'cache', what: 'left' })
    expect(await onServer('docker ps --format "{{.Names}}"')).toContain('tiny-cache-1')
  })
})

test('the plan of a deploy stands in the journal, one line of JSON', async () => {
  const outcome = await deployTiny(await checkout(), { digest: digests.r2, strategy: 'roll' })
  expect(outcome.outputs.state).toBe('live')
  const lines = (await onServer('cat .diveops/journal.jsonl')).trim().split('\n')
  const plans = lines.map(line => JSON.parse(line)).filter(({ plan: one }) => one)
  expect(plans.at(-1)).toMatchObject({
    release: outcome.outputs.release,
    plan: JSON.parse(outcome.outputs.plan ?? '')
  })
})
