import { connection, resetVps, startLoad, up } from '@diveops/lab'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import {
  buildTiny,
  checkoutTiny,
  deployTiny,
  edit,
  onServer,
  put,
  removeAll,
  rollbackTiny,
  site
} from '../harness/tiny.ts'

jest.setTimeout(300_000)

const folders: string[] = []
const releases: string[] = []

beforeAll(async () => {
  await up(() => {})
  await resetVps()
  for (const name of ['r1', 'r2', 'r3']) {
    const workspace = await checkoutTiny(async copy => {
      await edit(copy, 'diveops.yml', 'release:', 'health: {bake: 2s}\nrelease:')
      await put(copy, `proxy/${name}.conf`, `# of ${name}\n`)
    })
    folders.push(workspace)
    const outcome = await deployTiny(workspace, { digest: await buildTiny(name), strategy: 'roll' })
    if (outcome.code !== 0) throw new Error(outcome.log)
    releases.push(outcome.outputs.release as string)
  }
})
afterAll(() => removeAll(folders))

test('without a name it goes to the release before, with its files, and no visitor loses a request', async () => {
  const load = startLoad((await connection()).LAB_HTTP)
  const outcome = await rollbackTiny()
  const seen = await load.stop()
  expect(outcome.log).not.toContain('::error::')
  expect(outcome.outputs).toMatchObject({
    state: 'live',
    changed: 'true',
    release: releases[1],
    'previous-release': releases[2]
  })
  expect(seen.lost).toEqual([])
  expect(Object.keys(seen.releases).sort()).toEqual(['r2', 'r3'])
  expect(await site()).toBe('release r2, hello from the template')
  expect(await onServer('ls proxy')).toBe('default.conf\nr2.conf\n')
  expect(await onServer('readlink current')).toBe(`releases/${releases[1]}\n`)
  expect(outcome.summary).toContain('### Rollback: ')
  const said = await onServer('docker compose -f docker-compose.prod.yml up -d')
  expect(said).not.toMatch(/Creat|Recreat|Start/)
})

test('a name goes to that release, forward as well', async () => {
  const outcome = await rollbackTiny({ release: releases[2] as string })
  expect(outcome.outputs).toMatchObject({ state: 'live', release: releases[2] })
  expect(await site()).toBe('release r3, hello from the template')
})

test('commands that may not be repeated are not', async () => {
  expect(await onServer('docker exec tiny-web-1 cat /data/migrations')).toBe('r1\nr2\nr3\n')
})

test('a name that the server does not keep is answered with those that it does', async () => {
  const outcome = await rollbackTiny({ release: '20200101-000000-abcdef0' })
  expect(outcome.code).toBe(1)
  expect(outcome.outputs.state).toBe('untouched')
  expect(outcome.log).toMatch(/::error::input 'release': '20200101-000000-abcdef0' is not on /)
  for (const id of releases) expect(outcome.log).toContain(id)
})

test('the live release is no way back', async () => {
  const outcome = await rollbackTiny({ release: releases[2] as string })
  expect(outcome.code).toBe(1)
  expect(outcome.log).toContain('is live already')
  expect(await site()).toBe('release r3, hello from the template')
})

test('it works without the registry, from the images that are kept', async () => {
  await onServer('docker image prune -f')
  const outcome = await rollbackTiny({ release: releases[0] as string })
  expect(outcome.outputs).toMatchObject({ state: 'live', release: releases[0] })
  expect(await site()).toBe('release r1, hello from the template')
})

test('before the first release there is none', async () => {
  const outcome = await rollbackTiny()
  expect(outcome.code).toBe(1)
  expect(outcome.log).toContain('::error::there is no release before the live one')
})
