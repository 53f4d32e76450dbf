import { readFile } from 'node:fs/promises'
import { registryToken, resetVps, up, vpsExec } from '@diveops/lab'
import { beforeAll, describe, expect, jest, test } from '@jest/globals'
import {
  buildTiny,
  checkoutTiny,
  deployTiny,
  edit,
  IMAGE,
  mustDeploy,
  onServer,
  REGISTRY_USER,
  rollbackTiny,
  snapshot
} from '../harness/tiny.ts'

jest.setTimeout(300_000)

const FILE = 'docker-compose.prod.yml'
/** Each release of the tiny app brings one migration, of its own name. */
const APP = `health: {bake: 1s}
migrations:
  service: web
  pending: touch /data/migrations && (echo "$RELEASE" | grep -vxF -f /data/migrations || true)
  applied: cat /data/migrations`
const digests = { r1: '', r2: '' }

beforeAll(async () => {
  await up(() => {})
  await resetVps()
  digests.r1 = await buildTiny('r1')
  digests.r2 = await buildTiny('r2')
  await mustDeploy(await checkout(), digests.r1)
  // So that what compose would do can be asked with the new image under the compose file's name.
  const { code: pulled } = await vpsExec(
    `DOCKER_CONFIG=$(mktemp -d); export DOCKER_CONFIG
docker login ghcr.io -u ${REGISTRY_USER} --password-stdin && docker pull ${IMAGE}@${digests.r2}
code=$?; rm -r "$DOCKER_CONFIG"; exit $code`,
    { stdin: await registryToken() }
  )
  expect(pulled).toBe(0)
})

async function checkout(change?: (folder: string) => Promise<void>): Promise<string> {
  return checkoutTiny(async copy => {
    await edit(copy, 'diveops.yml', 'release:', `${APP}\nrelease:`)
    await change?.(copy)
  })
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

describe('migrations and backups by commands of diveops.yml', () => {
  // As on a server that never heard of the release, which a failed deploy leaves so.
  beforeAll(() => onServer(`docker image rm ${IMAGE}@${digests.r2}`))

  const withBackup = (text: string) =>
    checkout(copy => edit(copy, 'diveops.yml', 'release:', `backup: ${text}\nrelease:`))

  test.each<[string, string, string, string]>([
    [
      'a disk that fills meanwhile',
      '256k',
      "{service: store, command: 'head -c 9000000 /dev/urandom'}",
      'the backup cannot be written to '
    ],
    [
      'a backup that does not stand its test',
      '1m',
      "{service: store, command: 'echo rows', verify: 'grep -q this-is-not-in-it'}",
      "the backup of service 'store' did not stand its test"
    ],
    [
      'a backup that ends with an error',
      '1m',
      "{service: store, command: 'echo rows; exit 3'}",
      "the backup of service 'store' failed with exit code 3"
    ],
    [
      'a backup of nothing',
      '1m',
      "{service: store, command: 'true'}",
      "the backup of service 'store' is empty"
    ]
  ])('%s stops the deploy before anything changes', async (_name, size, text, message) => {
    const folder = await withBackup(text)
    await vpsExec(`mkdir /opt/diveops/backups
mount -t tmpfs -o size=${size},mode=700,uid=$(id -u captain),gid=$(id -g captain) tmpfs /opt/diveops/backups`)
    try {
      const before = await snapshot()
      const outcome = await deployTiny(folder, { digest: digests.r2, strategy: 'roll' })
      expect(outcome.log).toContain(`::error::${message}`)
      expect(outcome.outputs.state).toBe('untouched')
      expect(await snapshot()).toBe(before)
      expect(await onServer('ls backups')).toBe('')
      expect(await onServer('docker exec tiny-web-1 cat /data/migrations')).not.toContain('r2')
    } finally {
      await vpsExec('umount /opt/diveops/backups; rmdir /opt/diveops/backups')
    }
  })

  test('a good one is kept, the oldest goes, and what is not ours stays', async () => {
    const folder = await withBackup(
      "{service: store, command: 'echo all rows', verify: 'grep -q rows'}\nkeep: 2"
    )
    await onServer(
      'mkdir -m 700 backups && touch backups/mine.dump backups/20200101-000000-abcdef0-store.backup backups/20200102-000000-abcdef0-store.backup'
    )
    const outcome = await deployTiny(folder, { digest: digests.r2, strategy: 'roll' })
    expect(outcome.log).not.toContain('::error::')
    expect(outcome.outputs.state).toBe('live')
    expect(outcome.log).toContain('migrations pending: 1')
    const { migrations, backups } = JSON.parse(outcome.outputs.plan ?? '')
    expect(migrations).toEqual([{ name: 'r2', operations: [] }])
    expect(backups).toEqual([`backups/${outcome.outputs.release}-store.backup`])
    expect(await onServer(`cat ${backups[0]}; stat -c %a ${backups[0]}`)).toBe('all rows\n600\n')
    expect((await onServer('ls backups')).trim().split('\n')).toEqual([
      '20200102-000000-abcdef0-store.backup',
      `${outcome.outputs.release}-store.backup`,
      'mine.dump'
    ])
    const lines = (await onServer('cat .diveops/journal.jsonl')).trim().split('\n')
    const plans = lines.map(line => JSON.parse(line)).filter(({ plan: one }) => one)
    expect(plans.at(-1)).toMatchObject({
      release: outcome.outputs.release,
      plan: { services: JSON.parse(outcome.outputs.plan ?? '').services, migrations }
    })
  })

  test('a rollback is refused for a schema that the release does not know', async () => {
    const outcome = await rollbackTiny()
    expect(outcome.outputs.state).toBe('untouched')
    expect(outcome.log).toMatch(/::error::the database has migrations that .* does not know: r2; /)
  })
})
