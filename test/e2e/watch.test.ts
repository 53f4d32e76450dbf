import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Row } from '@diveops/core/deploy/row'
import { acme, act, assembleExample, up } from '@diveops/lab'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { unexpected } from '../harness/action.ts'
import { withNewerBuild } from '../harness/mirror.ts'
import { caller } from '../harness/readme.ts'
import { deploySecurable, setupSsl } from '../harness/securetiny.ts'
import { operator } from '../harness/site.ts'
import { removedAfterwards } from '../harness/temporary.ts'

jest.setTimeout(600_000)

const COMPOSE = 'docker-compose.prod.yml'

let folder = ''

beforeAll(async () => {
  await up(() => {})
  await deploySecurable()
  const outcome = await setupSsl()
  if (outcome.code !== 0) throw unexpected(outcome)
  folder = removedAfterwards(await assembleExample(['watch.yml']))
})
afterAll(() => acme.reset())

/** Runs a workflow of the folder's by some event. */
function run(event: string, name: string, inputs: Record<string, string> = {}) {
  const words = Object.entries(inputs).flatMap(([key, value]) => ['--input', `${key}=${value}`])
  return act(folder, [event, '--workflows', `.github/workflows/${name}.yml`, ...words])
}

const byHand = (inputs: Record<string, string> = {}) => run('workflow_dispatch', 'watch', inputs)

/** What is wrong on the server, as the step's output has it: act may lose the end of a log. */
function problems({ output }: { output: string }): Row[] {
  const [, json = 'null'] = /::set-output:: problems=(.*)/.exec(output) ?? []
  return JSON.parse(json)
}

test('on its schedule it finds sites, certificates and the server well', async () => {
  const { code, output } = await run('schedule', 'watch')
  expect(output).not.toMatch(/::(error|warning)/)
  expect(output.match(/::set-output:: cert-days=[1-9]\d+/g)).toHaveLength(2)
  expect(output).toMatch(/healthy: \d+ things were looked at/)
  expect(code).toBe(0)
})

test('called from another repository it says that a certificate ends sooner than wanted', async () => {
  const call = caller('watch')
    .replace('reef.example', 'happydiving.mx')
    .replace(/(urls: .*)}/, '$1, min-cert-days: 3650}')
  await writeFile(path.join(folder, '.github/workflows/call.yml'), call)
  const { code, output } = await run('schedule', 'call')
  expect(output).toMatch(/certificate ends in \d+ days, expected at least 3650/)
  expect(output).toMatch(/healthy: \d+ things were looked at/)
  expect(code).not.toBe(0)
})

test('an image with a newer build is told with what to do, and after that all is well', async () => {
  await withNewerBuild('redis', '7-alpine', async () => {
    const strict = await byHand()
    expect(problems(strict)).toEqual([
      expect.objectContaining({
        name: 'redis:7-alpine',
        severity: 'warning',
        found: 'the registry has a newer build'
      })
    ])
    expect(strict.output).toContain('updates: nginx:alpine | the newest build |')
    expect(strict.code).not.toBe(0)
    const lenient = await byHand({ 'fail-on': 'error' })
    expect(problems(lenient)).toEqual(problems(strict))
    expect(lenient.code).toBe(0)
    const [pull = '', up = ''] =
      problems(strict)[0]?.next?.match(/cd .*? (pull|up -d) store/g) ?? []
    await operator(pull)
    await operator(up)
    const after = await byHand()
    expect(problems(after)).toEqual([])
    expect(after.code).toBe(0)
  })
  await operator(`docker compose -f ${COMPOSE} up -d store`)
})

test('what was changed on the server by hand is told', async () => {
  await operator(`sed -i 's/"80:80"/"8080:80", "80:80"/' ${COMPOSE}`)
  const edited = await byHand()
  await operator(`docker compose -f ${COMPOSE} up -d proxy && cp current/${COMPOSE} ${COMPOSE}`)
  const recreated = await byHand()
  await operator(`docker compose -f ${COMPOSE} up -d proxy`)
  const made = { name: 'up -d', found: 'would make proxy anew' }
  expect(problems(edited)).toEqual([
    expect.objectContaining({ name: COMPOSE, found: 'edited on the host' }),
    expect.objectContaining(made)
  ])
  expect(problems(recreated)).toEqual([expect.objectContaining(made)])
  expect([edited.code, recreated.code]).not.toContain(0)
})
