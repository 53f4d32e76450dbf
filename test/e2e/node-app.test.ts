import { execFileSync } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { acme, act, assembleRepository, connection, resetVps, up } from '@diveops/lab'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { caller } from '../harness/callers.ts'
import { underVisitors } from '../harness/prober.ts'
import { operator, running, visit } from '../harness/site.ts'
import { edit, put } from '../harness/tiny.ts'

jest.setTimeout(600_000)

const NAME = 'reef.example'

let folder = ''
let first: { code: number; output: string }
const releases = { first: '' }

beforeAll(async () => {
  await up(() => {})
  await resetVps()
  folder = await assembleRepository('node-app', 'reef-club')
  first = await act(folder, ['push'])
}, 900_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

/** The JSON that the app's health endpoint answers. */
async function health(): Promise<{ status: string; release: string }> {
  return JSON.parse((await visit(NAME, '/health/')).body)
}

async function see(species: string, depth: number): Promise<number> {
  const { LAB_HTTP } = await connection()
  const body = JSON.stringify({ species, depth })
  return (await fetch(`${LAB_HTTP}/api/sightings`, { method: 'POST', body })).status
}

/** What identifies the container of a service, and since when it runs. */
function container(service: string): Promise<string> {
  return operator(
    `docker ps -q --filter label=com.docker.compose.service=${service} | xargs docker inspect -f '{{.Id}} {{.State.StartedAt}}'`
  )
}

test('a push tests the app, builds it and puts it live on a server that had nothing', async () => {
  expect(first.output).toContain('live: the release serves')
  expect(first.output).toMatch(/pass 3/)
  expect(first.code).toBe(0)
  releases.first = (await health()).release
  expect(releases.first).toMatch(/^[0-9a-f]{40}$/)
  expect(await operator('stat -c %a .env')).toBe('600\n')
  expect(first.output).not.toContain(/PASSWORD='(.*)'/.exec(await operator('cat .env'))?.[1])
})

test('a pull of the next commit is a roll: the change is seen, nobody loses a request or a row', async () => {
  expect(await see('Manta', 12)).toBe(201)
  const before = { db: await container('db'), nginx: await container('nginx') }
  await edit(folder, 'src/page.js', 'Seen on the reef', 'Seen at night')
  const authority = await acme.root('production')
  const { result, seen } = await underVisitors([NAME], authority, () => act(folder, ['push']))
  expect(result.output).toMatch(/\| web\s*\| roll/)
  expect(result.output).toContain('live: the release serves')
  expect(result.code).toBe(0)
  expect(seen.bad).toEqual([])
  const page = await visit(NAME, '/')
  expect(page.body).toContain('Seen at night')
  expect(page.body).toContain('Manta at 12 m')
  expect((await health()).release).not.toBe(releases.first)
  expect(await container('db')).toBe(before.db)
  expect(await container('nginx')).toBe(before.nginx)
})

test('afterwards the compose file says what runs: up -d changes nothing', async () => {
  const before = await running()
  await operator('docker compose -f docker-compose.prod.yml up -d')
  expect(await running()).toBe(before)
})

test('a commit whose tests fail is not deployed', async () => {
  const before = await running()
  await edit(folder, 'src/app.js', 'species.length > 80', 'species.length > 8_000_000 || true')
  const { code, output } = await act(folder, ['push'])
  expect(code).not.toBe(0)
  expect(output).toMatch(/fail 1/)
  expect(output).toMatch(/::error/)
  expect(output).not.toContain('live: the release serves')
  expect(await running()).toBe(before)
})

test('rollback.yml, called from this repository as the README shows, brings the first release back', async () => {
  await put(folder, '.github/workflows/rollback.yml', await caller('rollback'))
  execFileSync('git', ['-C', folder, 'add', '--all'])
  const words = ['workflow_dispatch', '--workflows', '.github/workflows/rollback.yml']
  const { code, output } = await act(folder, words)
  expect(output).toContain('live: the release serves')
  expect(code).toBe(0)
  const page = await visit(NAME, '/')
  expect(page.body).toContain('Seen on the reef')
  expect(page.body).toContain('Manta at 12 m')
  expect((await health()).release).toBe(releases.first)
})
