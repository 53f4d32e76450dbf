import { connection, resetVps, type Seen, underLoad, up } from '@diveops/lab'
import { beforeAll, expect, jest, test } from '@jest/globals'
import type { Outcome } from '../harness/action.ts'
import { makeAuthority } from '../harness/certificates.ts'
import { keepFigures } from '../harness/figures.ts'
import {
  buildTiny,
  checkoutTiny,
  deployTiny,
  edit,
  mustDeploy,
  onServer,
  put,
  putCertificate,
  rollbackTiny
} from '../harness/tiny.ts'

/** How often each kind of run is done under load; once suffices to tell that it works. */
const TIMES = Number(process.env.DIVEOPS_ROLLS ?? 1)
jest.setTimeout(300_000 * TIMES)

const NAME = 'zoo.example'

const digests = { r1: '', r2: '', unhealthy: '' }
let ca = ''
let workspace = ''

beforeAll(async () => {
  await up(() => {})
  await resetVps()
  const authority = await makeAuthority()
  ca = authority.cert
  await onServer('mkdir -p /opt/diveops/certs')
  await putCertificate(NAME, await authority.issue({ names: [NAME] }))
  for (const name of ['r1', 'r2'] as const) digests[name] = await buildTiny(name)
  digests.unhealthy = await buildTiny('r3', 'unhealthy')
  workspace = await checkout()
  await mustDeploy(workspace, digests.r1)
})

async function checkout(change?: (folder: string) => Promise<void>): Promise<string> {
  return checkoutTiny(change, 'zoo')
}

async function visited<T>(what: () => Promise<T>): Promise<{ result: T; seen: Seen }> {
  const { LAB_HTTP, LAB_HTTPS } = await connection()
  await onServer('docker exec zoo_site rm -f /data/calls')
  const secure = { url: LAB_HTTPS, name: NAME, ca }
  const { result, seen } = await underLoad(LAB_HTTP, what, { secure, paths: ['/', '/api/'] })
  const calls = (await onServer('docker exec zoo_site cat /data/calls')).trim().split('\n')
  await keepFigures(expect.getState().currentTestName ?? '', seen, { calls: calls.length })
  expect(seen.lost).toEqual([])
  expect(seen.overHttp2).toBeGreaterThan(0)
  expect(calls.length).toBeGreaterThan(20)
  expect(calls.filter(line => line !== 'answered')).toEqual([])
  const applied = (await onServer('docker exec zoo_site cat /data/bookings')).split('\n')
  for (const key of seen.posted) expect(applied.filter(line => line === key)).toHaveLength(1)
  return { result, seen }
}

function state({ outputs, log, code }: Outcome): string {
  return outputs.state ?? `none (exit ${code}): ${log}`
}

async function running(): Promise<string[]> {
  const format = '{{.Names}} {{.State}}'
  return (await onServer(`docker ps -a --format '${format}'`)).trim().split('\n').sort()
}

/** When the containers of a service were started, the first of them. */
async function started(service: string): Promise<string> {
  return (
    await onServer(
      `docker ps -q --filter label=com.docker.compose.service=${service} | xargs docker inspect -f '{{.State.StartedAt}}' | sort | head -n 1`
    )
  ).trim()
}

/** Nothing of a roll is left, every service is there as often as it is to be, compose has nothing to do. */
async function expectClean(): Promise<void> {
  expect(await running()).toEqual([
    'zoo-api-1 running',
    'zoo-api-2 running',
    'zoo-edge-1 running',
    'zoo-prepare-1 exited',
    'zoo-scheduler-1 running',
    'zoo-store-1 running',
    'zoo-worker-1 running',
    'zoo_site running'
  ])
  const files = await onServer(
    'for each in $(docker ps -q); do docker exec "$each" cat /etc/hosts; done'
  )
  expect(files).not.toContain('roll of')
  const said = await onServer('docker compose -f docker-compose.prod.yml up -d --pull never')
  // What runs once and ends runs again with each `up`.
  const lines = said.split('\n').filter(line => !line.includes('zoo-prepare-1'))
  expect(lines.join('\n')).not.toMatch(/Creat|Recreat|Start/)
}

test('services that the proxy addresses are rolled, the others go before them', async () => {
  for (let run = 0; run < TIMES; run++) {
    // What a service reads from the repository is there before its bridge starts.
    const folder = await checkout(copy => put(copy, 'motto', `deep${run}\n`))
    const edge = await onServer('docker inspect -f "{{.Id}} {{.State.StartedAt}}" zoo-edge-1')
    const digest = run % 2 === 0 ? digests.r2 : digests.r1
    const { result, seen } = await visited(() => deployTiny(folder, { digest, strategy: 'roll' }))
    expect(state(result)).toBe('live')
    expect(JSON.parse(result.outputs.plan ?? '').services).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ service: 'site', what: 'roll' }),
        expect.objectContaining({ service: 'api', what: 'roll' }),
        expect.objectContaining({
          service: 'worker',
          what: 'recreate',
          why: expect.stringContaining('nginx does not address it by name')
        }),
        expect.objectContaining({
          service: 'scheduler',
          what: 'recreate',
          why: expect.stringContaining('stop-first in diveops.yml')
        }),
        expect.objectContaining({ service: 'store', what: 'keep' }),
        expect.objectContaining({ service: 'edge', what: 'reload' })
      ])
    )
    const now = run % 2 === 0 ? 'r2' : 'r1'
    const before = run === 0 ? 'r1/shallow' : `${now === 'r2' ? 'r1' : 'r2'}/deep${run - 1}`
    const unexpected = Object.keys(seen.releases).filter(
      name => ![before, before.slice(0, 2), `${now}/deep${run}`, now].includes(name)
    )
    expect(unexpected).toEqual([])
    expect(Object.keys(seen.releases)).toContain(`${now}/deep${run}`)
    for (const name of ['worker', 'scheduler']) {
      const own = await started(name)
      for (const served of ['site', 'api']) expect(own < (await started(served))).toBe(true)
    }
    expect(await onServer('docker inspect -f "{{.Id}} {{.State.StartedAt}}" zoo-edge-1')).toBe(edge)
    await expectClean()
  }
})

test('on the way back the others follow those that the proxy addresses', async () => {
  for (let run = 0; run < TIMES; run++) {
    const releases = (await onServer('ls releases')).trim().split('\n').sort()
    const goal = releases.at(run % 2 === 0 ? -2 : -1) as string
    const { result } = await visited(() => rollbackTiny({ release: goal }))
    expect(state(result)).toBe('live')
    if (run % 2 === 0) {
      for (const name of ['worker', 'scheduler']) {
        const own = await started(name)
        for (const served of ['site', 'api']) expect(own > (await started(served))).toBe(true)
      }
    }
    await expectClean()
  }
})

test('a release that is not healthy, seen by HTTP alone where there is no test, is taken back', async () => {
  for (let run = 0; run < TIMES; run++) {
    // Only `api` is in the way: it has no health test, and the others do not look.
    const folder = await checkout(copy =>
      edit(copy, 'docker-compose.prod.yml', '"/server.py", "check"]', '"-c", "pass"]')
    )
    const { result } = await visited(() =>
      deployTiny(folder, { digest: digests.unhealthy, strategy: 'roll', 'health-timeout': '5s' })
    )
    expect([state(result), result.log]).toEqual(['restored', expect.anything()])
    expect(result.log).toMatch(/::error::service '(api|site)' (was not|did not stay) healthy/)
    await expectClean()
  }
})

test('a change of the configuration alone restarts nothing', async () => {
  for (let run = 0; run < TIMES; run++) {
    const before = await running()
    const since = await started('site')
    const folder = await checkout(async copy => {
      await put(copy, 'motto', await onServer('cat motto'))
      await edit(copy, 'edge/zoo.conf', 'location / {', `location / {\nadd_header X-Run ${run};`)
    })
    const digest = JSON.parse(await onServer('cat current/release.json')).image.split('@')[1]
    const { result } = await visited(() => deployTiny(folder, { digest, strategy: 'roll' }))
    expect(state(result)).toBe('live')
    expect(await running()).toEqual(before)
    expect(await started('site')).toBe(since)
    const { headers } = await fetch((await connection()).LAB_HTTP)
    expect(headers.get('x-run')).toBe(String(run))
  }
})

test('a service whose profile is not active is left as somebody started it', async () => {
  await onServer(
    'docker compose -f docker-compose.prod.yml --profile debug up -d --pull never debug'
  )
  const inspect = 'docker inspect -f "{{.Id}} {{.State.StartedAt}}" zoo-debug-1'
  const before = await onServer(inspect)
  const outcome = await deployTiny(workspace, { digest: digests.r2, strategy: 'roll' })
  expect(state(outcome)).toBe('live')
  expect(await onServer(inspect)).toBe(before)
  await onServer('docker rm -f zoo-debug-1')
})

test('names that nginx resolves by itself are a gap that the plan names', async () => {
  const folder = await checkout(copy =>
    edit(
      copy,
      'edge/zoo.conf',
      'proxy_pass http://pool;',
      'resolver 127.0.0.11 valid=5s; set $to site; proxy_pass http://$to:8000;'
    )
  )
  const live = await deployTiny(folder, { digest: digests.r2, strategy: 'roll' })
  expect(state(live)).toBe('live')
  const planned = await deployTiny(folder, {
    digest: digests.r1,
    strategy: 'roll',
    'plan-only': 'true'
  })
  expect(JSON.parse(planned.outputs.plan ?? '').services).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        service: 'site',
        what: 'recreate',
        why: expect.stringContaining("stop-first: nginx resolves 'site' by itself while it runs")
      })
    ])
  )
})
