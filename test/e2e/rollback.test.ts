import { connection, resetVps, startLoad, up } from '@diveops/lab'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { type FakeGitHub, startFakeGitHub } from '../harness/github/fake.ts'
import {
  buildTiny,
  checkoutTiny,
  edit,
  mustDeploy,
  onServer,
  put,
  rollbackTiny,
  site
} from '../harness/tiny.ts'

jest.setTimeout(300_000)

let github: FakeGitHub
const releases: string[] = []
const COMMITS = { r1: '1'.repeat(40), r2: '2'.repeat(40), r3: '3'.repeat(40) }

beforeAll(async () => {
  github = await startFakeGitHub()
  await up(() => {})
  await resetVps()
  for (const [name, commit] of Object.entries(COMMITS)) {
    const workspace = await checkoutTiny(async copy => {
      await edit(copy, 'diveops.yml', 'release:', 'health: {bake: 2s}\nrelease:')
      await put(copy, `proxy/${name}.conf`, `# of ${name}\n`)
    })
    const env = { GITHUB_SHA: commit }
    const { outputs } = await mustDeploy(workspace, await buildTiny(name), {}, { env })
    releases.push(outputs.release as string)
  }
})
afterAll(async () => {
  await github.stop()
})

/** A rollback of a workflow that lets it tell GitHub; the commit of the workflow itself is another one. */
function rollbackTold(inputs: Record<string, string>) {
  const env = { GITHUB_API_URL: github.url, GITHUB_SHA: 'f'.repeat(40) }
  return rollbackTiny({ ...inputs, 'github-token': 'ghs_token', environment: 'eu' }, { env })
}

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
  const outcome = await rollbackTold({ release: releases[2] as string })
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
  const outcome = await rollbackTold({ release: releases[0] as string })
  expect(outcome.outputs).toMatchObject({ state: 'live', release: releases[0] })
  expect(await site()).toBe('release r1, hello from the template')
  expect(outcome.summary).toContain('| State | live: the release serves |')
})

test('GitHub was told which commits went live again, and which of them serves', () => {
  expect(github.problems).toEqual([])
  const [now, before] = github.deployments
  expect(github.deployments).toHaveLength(2)
  expect(before).toMatchObject({ ref: COMMITS.r3, environment: 'eu', description: 'rollback' })
  expect(now).toMatchObject({ ref: COMMITS.r1, environment: 'eu', description: 'rollback' })
  const states = [1, 2].map(id => github.statuses.get(id)?.map(one => one.state))
  expect(states).toEqual([
    ['inactive', 'success', 'in_progress'],
    ['success', 'in_progress']
  ])
  expect(github.statuses.get(2)?.[0]).toMatchObject({
    description: 'live: the release serves',
    log_url: 'https://github.com/nestorwheelock/tiny/actions/runs/42'
  })
})

test('before the first release there is none', async () => {
  const outcome = await rollbackTiny()
  expect(outcome.code).toBe(1)
  expect(outcome.log).toContain('::error::there is no release before the live one')
})
