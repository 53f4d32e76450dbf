import {
  connection,
  underLoad as loaded,
  rebootVps,
  resetVps,
  restartVpsEngine,
  type Seen,
  up
} from '@diveops/lab'
import { beforeAll, expect, jest, test } from '@jest/globals'
import type { Outcome } from '../harness/action.ts'
import { expectApplied, expectClean } from '../harness/after.ts'
import {
  buildTiny,
  checkoutTiny,
  deployTiny,
  edit,
  mustDeploy,
  onServer,
  put,
  site,
  siteAgain
} from '../harness/tiny.ts'

jest.setTimeout(300_000)

const digests = { r1: '', r2: '', r3: '', unhealthy: '', crash: '', dies: '' }
let workspace = ''

beforeAll(async () => {
  await up(() => {})
  await resetVps()
  for (const name of ['r1', 'r2', 'r3'] as const) digests[name] = await buildTiny(name)
  digests.unhealthy = await buildTiny('r4', 'unhealthy')
  digests.crash = await buildTiny('r6', 'crash')
  digests.dies = await buildTiny('r5', 'dies')
  workspace = await checkout()
  await mustDeploy(workspace, digests.r1)
})

async function checkout(change?: (folder: string) => Promise<void>): Promise<string> {
  return checkoutTiny(async copy => {
    await edit(copy, 'diveops.yml', 'release:', 'health: {bake: 3s}\nrelease:')
    await change?.(copy)
  })
}

/** Runs something while visitors come. */
async function underLoad<T>(what: () => Promise<T>): Promise<{ result: T; seen: Seen }> {
  return loaded((await connection()).LAB_HTTP, what)
}

function state({ outputs, log, code }: Outcome): string {
  return outputs.state ?? `none (exit ${code}): ${log}`
}

test('a roll loses no request, applies every POST once and leaves nothing behind', async () => {
  const proxy = await onServer('docker inspect -f "{{.Id}} {{.State.StartedAt}}" tiny-proxy-1')
  const { result, seen } = await underLoad(() =>
    deployTiny(workspace, { digest: digests.r2, strategy: 'roll' })
  )
  expect(state(result)).toBe('live')
  expect(JSON.parse(result.outputs.plan ?? '').services).toMatchObject([
    { service: 'store', what: 'keep' },
    { service: 'web', what: 'roll' },
    { service: 'proxy', what: 'reload' }
  ])
  expect(seen.lost).toEqual([])
  expect(Object.keys(seen.releases).sort()).toEqual(['r1', 'r2'])
  expect(seen.posted.length).toBeGreaterThan(50)
  await expectApplied(seen.posted)
  expect(await onServer('docker inspect -f "{{.Id}} {{.State.StartedAt}}" tiny-proxy-1')).toBe(
    proxy
  )
  await expectClean()
})

test('the same load while everything is recreated loses some: the control', async () => {
  const { result, seen } = await underLoad(() =>
    deployTiny(workspace, { digest: digests.r3, strategy: 'recreate' })
  )
  expect(state(result)).toBe('live')
  expect(seen.lost.length).toBeGreaterThan(0)
})

test('a release that never gets healthy is not seen by any visitor', async () => {
  const { result, seen } = await underLoad(() =>
    deployTiny(workspace, { digest: digests.unhealthy, strategy: 'roll', 'health-timeout': '5s' })
  )
  expect(result.code).toBe(1)
  expect(state(result)).toBe('restored')
  expect(result.log).toContain("::error::service 'web' was not healthy within 5 s")
  expect(seen.lost).toEqual([])
  expect(Object.keys(seen.releases)).toEqual(['r3'])
  await expectClean()
})

test('a release that ends as soon as it starts is not seen by any visitor', async () => {
  const { result, seen } = await underLoad(() =>
    deployTiny(workspace, { digest: digests.crash, strategy: 'roll' })
  )
  expect(result.code).toBe(1)
  expect(state(result)).toBe('restored')
  expect(result.log).toContain("::error::service 'web' ended by itself with exit code 1 before it")
  expect(result.log).toContain('cannot start: the setting DEPTH is missing')
  expect(seen.lost).toEqual([])
  expect(Object.keys(seen.releases)).toEqual(['r3'])
  await expectClean()
})

test('a release that dies while it is watched is taken back at once', async () => {
  const folder = await checkout(copy => edit(copy, 'diveops.yml', 'bake: 3s', 'bake: 10s'))
  const { result, seen } = await underLoad(() =>
    deployTiny(folder, { digest: digests.dies, strategy: 'roll' })
  )
  expect(state(result)).toBe('restored')
  expect(result.log).toContain("::error::service 'web' did not stay healthy while it was watched")
  // What this run did itself is not told as something that it found.
  expect(result.log).not.toContain('broke off half-way')
  expect(result.log).toMatch(/^::debug::took [\d.]+ s: pinned back$/m)
  expect(Object.keys(seen.releases)).toContain('r5')
  expect(await site()).toBe('release r3, hello from the template')
  await expectClean()
})

test('a change of the nginx configuration alone is a reload: nothing restarts, nothing is lost', async () => {
  const before = await onServer(
    'docker ps -q | sort | xargs docker inspect -f "{{.State.StartedAt}}"'
  )
  const folder = await checkout(copy =>
    edit(copy, 'proxy/default.conf', 'location / {', 'add_header X-Depth 40;\n    location / {')
  )
  const { result, seen } = await underLoad(() =>
    deployTiny(folder, { digest: digests.r3, strategy: 'roll' })
  )
  expect(state(result)).toBe('live')
  expect(seen.lost).toEqual([])
  const { headers } = await fetch((await connection()).LAB_HTTP)
  expect(headers.get('x-depth')).toBe('40')
  expect(
    await onServer('docker ps -q | sort | xargs docker inspect -f "{{.State.StartedAt}}"')
  ).toBe(before)
})

test('a configuration that nginx refuses is put back, and nobody notices', async () => {
  const folder = await checkout(copy =>
    edit(copy, 'proxy/default.conf', 'location / {', 'add_haeder X-Depth 40;\n    location / {')
  )
  const { result, seen } = await underLoad(() =>
    deployTiny(folder, { digest: digests.r2, strategy: 'roll' })
  )
  expect(result.code).toBe(1)
  expect(state(result)).toBe('restored')
  expect(result.log).toContain('::error::nginx refuses the configuration of this release')
  expect(result.log).toContain('unknown directive "add_haeder"')
  expect(seen.lost).toEqual([])
  expect(Object.keys(seen.releases)).toEqual(['r3'])
  expect(await onServer('cat proxy/default.conf')).toContain('add_header X-Depth')
})

test('containers that somebody added by hand are rolled with the others, and as many afterwards', async () => {
  const scale = (count: number) =>
    onServer(
      `docker compose -f docker-compose.prod.yml up -d --no-recreate --scale web=${count} web`
    )
  await scale(2)
  const { result, seen } = await underLoad(() =>
    deployTiny(workspace, { digest: digests.r2, strategy: 'roll' })
  )
  expect(state(result)).toBe('live')
  expect(seen.lost).toEqual([])
  expect(await onServer('docker ps --format "{{.Names}}" --filter name=web | sort')).toBe(
    'tiny-web-1\ntiny-web-2\n'
  )
  await expectApplied(seen.posted)
  await scale(1)
  const back = await deployTiny(workspace, { digest: digests.r3, strategy: 'roll' })
  expect(state(back)).toBe('live')
  await expectClean()
})

test('a file that a release no longer has goes, unless somebody changed it', async () => {
  const folder = await checkout(async copy => {
    await put(copy, 'proxy/extra.conf', '# 40 metres\n')
    await put(copy, 'proxy/edited.conf', '# 30 metres\n')
  })
  const more = await deployTiny(folder, { digest: digests.r3, strategy: 'roll' })
  expect(state(more)).toBe('live')
  await onServer("echo '# by hand' >> proxy/edited.conf")
  const less = await deployTiny(workspace, { digest: digests.r3, strategy: 'roll' })
  expect(state(less)).toBe('live')
  expect(await onServer('ls proxy')).toBe('default.conf\nedited.conf\n')
  expect(await onServer('docker exec tiny-proxy-1 nginx -T 2>&1')).not.toContain('40 metres')
  await onServer('rm proxy/edited.conf')
})

test('a new file that nginx refuses is gone again afterwards', async () => {
  const folder = await checkout(copy => put(copy, 'proxy/bad.conf', 'sever {}\n'))
  const outcome = await deployTiny(folder, { digest: digests.r3, strategy: 'roll' })
  expect(state(outcome)).toBe('restored')
  expect(await onServer('ls proxy')).toBe('default.conf\n')
  expect(await onServer('docker exec tiny-proxy-1 nginx -t')).toContain('test is successful')
})

test('a run that is killed in the middle of a roll loses nothing, and the next one converges', async () => {
  const cancel = new AbortController()
  const { seen } = await underLoad(async () => {
    const killed = await deployTiny(
      workspace,
      { digest: digests.r1, strategy: 'roll' },
      { cancel: cancel.signal, onOutput: text => text.includes('bake web') && cancel.abort() }
    )
    expect(killed.code).not.toBe(0)
    return deployTiny(workspace, { digest: digests.r1, strategy: 'roll' })
  })
  expect(seen.lost).toEqual([])
  expect(await site()).toBe('release r1, hello from the template')
  await expectClean()
})

test.each([
  ['a reboot of the server', rebootVps],
  ['a restart of the Docker engine', restartVpsEngine]
])(
  '%s in the middle of a roll: the site comes back, and the next run converges',
  async (_name, disturb) => {
    const release = (await site()).includes('r1') ? 'r2' : 'r1'
    let disturbed: Promise<void> | undefined
    const outcome = await deployTiny(
      workspace,
      { digest: digests[release], strategy: 'roll' },
      {
        onOutput: text => {
          if (text.includes('bake web')) disturbed ??= disturb()
        }
      }
    )
    await disturbed
    expect(outcome.code).toBe(1)
    expect(await siteAgain(/^release r/)).toMatch(/^release r/)
    const again = await deployTiny(workspace, { digest: digests[release], strategy: 'roll' })
    expect(state(again)).toBe('live')
    expect(await site()).toBe(`release ${release}, hello from the template`)
    await expectClean()
  }
)
