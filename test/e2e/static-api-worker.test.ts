import { rm } from 'node:fs/promises'
import { act, assembleRepository, connection, resetVps, up } from '@diveops/lab'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { operator, running, visit } from '../harness/site.ts'
import { edit } from '../harness/tiny.ts'

jest.setTimeout(600_000)

const NAME = 'dives.example'

let folder = ''
let first: { code: number; output: string }

beforeAll(async () => {
  await up(() => {})
  await resetVps()
  folder = await assembleRepository('static-api-worker', 'reef-club')
  first = await act(folder, ['push'])
}, 900_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

interface Plan {
  id: number
  depth: number
  minutes: number | null
  release: string | null
}

async function find(id: number): Promise<Plan> {
  return JSON.parse((await visit(NAME, `/api/plans/${id}`)).body)
}

/** Asks for a plan as the page does, and returns it once the worker has made it. */
async function plan(depth: number): Promise<Plan> {
  const { LAB_HTTP } = await connection()
  const body = JSON.stringify({ depth })
  const asked = await fetch(`${LAB_HTTP}/api/plans`, { method: 'POST', body })
  let found = (await asked.json()) as Plan
  for (let tries = 0; tries < 300 && found.minutes === null; tries++) {
    await new Promise(resolve => setTimeout(resolve, 100))
    found = await find(found.id)
  }
  return found
}

async function release(): Promise<string> {
  return JSON.parse((await visit(NAME, '/health/')).body).release
}

/** What identifies the container of a service. */
function container(service: string): Promise<string> {
  return operator(`docker ps -q --no-trunc --filter label=com.docker.compose.service=${service}`)
}

/** When containers of a service ended and started, since a moment by the server's clock. */
async function lives(service: string, since: string): Promise<string[]> {
  const filters = ['event=start', 'event=die', `label=com.docker.compose.service=${service}`]
  const words = filters.map(filter => `--filter ${filter}`).join(' ')
  const said = await operator(
    `docker events --since ${since} --until "$(date +%s)" ${words} --format '{{.Action}}'`
  )
  return said.trim().split('\n')
}

test('a push that calls the shared workflow puts site, API and worker live', async () => {
  expect(first.output).toContain('live: the release serves')
  expect(first.output).toContain('the tables are there')
  expect(first.code).toBe(0)
  const page = await visit(NAME, '/')
  expect(page.status).toBe(200)
  expect(page.body).toContain('How long may I stay?')
  expect((await visit(NAME, '/site.js')).status).toBe(200)
  expect(await plan(18)).toMatchObject({ depth: 18, minutes: 56, release: await release() })
})

test('the next push is seen in all three; the plan says what becomes of Caddy, and so it does', async () => {
  const [before, caddy] = [await release(), await container('caddy')]
  const since = (await operator('date +%s')).trim()
  await edit(folder, 'site/index.html', 'How long may I stay?', 'How long, how deep?')
  await edit(folder, 'src/worker.js', '[18, 56]', '[18, 50]')
  const { code, output } = await act(folder, ['push'])
  expect(output).toContain('live: the release serves')
  expect(code).toBe(0)
  expect((await visit(NAME, '/')).body).toContain('How long, how deep?')
  expect(await release()).not.toBe(before)
  expect(await plan(18)).toMatchObject({ minutes: 50, release: await release() })
  expect(await find(1)).toMatchObject({ minutes: 56, release: before })
  const what = /\| caddy\s*\| (\w+)/.exec(output)?.[1]
  expect(['keep', 'reload', 'recreate']).toContain(what)
  expect((await container('caddy')) === caddy).toBe(what !== 'recreate')
  // Never two at once: the old one ended before the new one started.
  expect(output).toContain('stop-first in diveops.yml')
  expect(await lives('worker', since)).toEqual(['die', 'start'])
})

test('afterwards the compose file says what runs: up -d changes nothing', async () => {
  const before = await running()
  await operator('docker compose -f docker-compose.prod.yml up -d')
  expect(await running()).toBe(before)
})
