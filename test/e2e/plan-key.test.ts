import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { act, resetVps, SERVER_USER, up, vpsExec } from '@diveops/lab'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import type { Outcome } from '../harness/action.ts'
import { runActionOnRunner } from '../harness/onrunner.ts'
import { snippet } from '../harness/readme.ts'
import { temporaryFolder } from '../harness/temporary.ts'
import {
  buildTiny,
  checkoutTiny,
  deployTiny,
  edit,
  mustDeploy,
  onServer,
  put,
  snapshot
} from '../harness/tiny.ts'

jest.setTimeout(300_000)

const FILE = 'docker-compose.prod.yml'
const KEYS = `/home/${SERVER_USER}/.ssh/authorized_keys`
const SECURITY = 'docs/security.md'
const digests = { r1: '', r2: '' }
let key = ''
let token = ''

beforeAll(async () => {
  await up(() => {})
  await resetVps()
  digests.r1 = await buildTiny('r1')
  digests.r2 = await buildTiny('r2')
  await mustDeploy(await checkout(), digests.r1)
  token = (await onServer('cat .env')).match(/API_TOKEN='(\w+)'/)?.[1] as string
  key = await installKey()
}, 600_000)
afterAll(async () => {
  await vpsExec(`cat ${KEYS}.kept > ${KEYS}; rm ${KEYS}.kept`)
})

/** Makes the key and lets it in by the commands of the guide. */
async function installKey(): Promise<string> {
  const folder = await temporaryFolder('plan-key')
  execFileSync('sh', ['-c', snippet(SECURITY, 'sh', 'ssh-keygen')], { cwd: folder })
  const half = (await readFile(path.join(folder, 'plan-key.pub'), 'utf8')).trim()
  const install = snippet(SECURITY, 'sh server', 'plan-key.sh').replace(
    'ssh-ed25519 AAAA... plan',
    half
  )
  expect(install).toContain(half)
  await vpsExec(`cp -p ${KEYS} ${KEYS}.kept`)
  expect(await onServer(install)).toBe('')
  const { stdout, stderr } = await vpsExec(snippet(SECURITY, 'sh root', 'acceptenv'))
  expect(stdout + stderr).toBe('')
  return readFile(path.join(folder, 'plan-key'), 'utf8')
}

async function checkout(change?: (folder: string) => Promise<void>): Promise<string> {
  return checkoutTiny(change)
}

/** A run with the key that may only read, which leaves the server as it was and shows no secret. */
async function withPlanKey(
  folder: string,
  inputs: Record<string, string>,
  env: Record<string, string> = {}
): Promise<Outcome> {
  const before = await snapshot()
  const all = { 'ssh-key': key, strategy: 'roll', ...inputs }
  const variables = { GITHUB_REPOSITORY: 'nestorwheelock/tiny', ...env }
  const outcome = await runActionOnRunner('deploy-vps', all, variables, undefined, folder)
  expect(await snapshot()).toBe(before)
  expect(JSON.stringify(outcome)).not.toContain(token)
  return outcome
}

/** The lines of the log that show how files change. */
const diffIn = ({ log }: Outcome) => log.split('\n').filter(line => /^\s+[-+@]/.test(line))

const planned = ({ outputs }: Outcome) => JSON.parse(outputs.plan ?? '{}')

const label = (service: string) => (copy: string) =>
  edit(copy, FILE, `  ${service}:\n`, `  ${service}:\n    labels: {changed: 'yes'}\n`)

describe('a plan by the key that may only read is that by the full key', () => {
  test.each<[string, 'r1' | 'r2', (copy: string) => Promise<void>]>([
    ['nothing new', 'r1', async () => {}],
    ['the image', 'r2', async () => {}],
    ['labels of the app', 'r1', label('web')],
    ['the definition of a service with data', 'r1', label('store')],
    [
      'variables of the app, new ones too',
      'r1',
      async copy => {
        await edit(
          copy,
          FILE,
          '    env_file: .env\n',
          '    env_file: .env\n    environment: {DEPTH: "$DEPTH m"}\n'
        )
        await put(
          copy,
          '.env.template',
          'API_TOKEN={{generate 40}}\nGREETING=hello\nDEPTH=30\nNEW_SECRET={{generate 20}}\n'
        )
      }
    ],
    ['ports of the proxy', 'r1', copy => edit(copy, FILE, '["80:80"]', '["80:80", "8081:80"]')],
    [
      'the configuration of nginx',
      'r1',
      copy => edit(copy, 'proxy/default.conf', 'server {', 'server {\n    server_tokens off;')
    ],
    [
      'a new service',
      'r1',
      copy =>
        edit(
          copy,
          FILE,
          '  store:\n    image',
          "  cache: {image: 'redis:7-alpine', volumes: ['store:/cache']}\n  store:\n    image"
        )
    ]
  ])('%s', async (_name, release, change) => {
    const folder = await checkout(change)
    const inputs = { digest: digests[release], strategy: 'roll', 'plan-only': 'true' }
    const full = await deployTiny(folder, inputs)
    const outcome = await withPlanKey(folder, inputs)
    expect(outcome.log).not.toContain('::error::')
    expect(outcome.outputs).toMatchObject({ state: 'planned', changed: 'false' })
    const { unasked, ...rest } = planned(outcome)
    expect(rest).toEqual(planned(full))
    expect(diffIn(outcome)).toEqual(diffIn(full))
    for (const text of unasked) expect(outcome.log).toContain(`not asked: ${text}`)
    expect(outcome.summary).toContain('not asked: which migrations are pending')
  })

  test('what somebody edited on the server, by name alone', async () => {
    await onServer(
      `cp -p .env .env.kept && sed -i 's/^API_TOKEN=.*/API_TOKEN=edited-by-hand/; s/^GREETING=.*/GREETING=hola/' .env
cp -p proxy/default.conf /tmp/kept.conf; echo '# edited-by-hand' >> proxy/default.conf`
    )
    try {
      const folder = await checkout()
      const inputs = { digest: digests.r1, strategy: 'roll', 'plan-only': 'true' }
      const full = planned(await deployTiny(folder, inputs))
      const outcome = await withPlanKey(folder, inputs)
      const { unasked: _, ...rest } = planned(outcome)
      expect(rest).toEqual(full)
      expect(rest.services[1].why).toContain('environment ~API_TOKEN ~GREETING')
      expect(outcome.log).toContain('-# ***')
      expect(JSON.stringify(outcome)).not.toContain('edited-by-hand')
    } finally {
      await onServer('mv .env.kept .env; mv /tmp/kept.conf proxy/default.conf')
    }
  })

  test('of an image that the deploy is yet to build', async () => {
    const outcome = await withPlanKey(await checkout(), { 'plan-only': 'true' })
    expect(planned(outcome).services).toMatchObject([
      { service: 'store', what: 'keep' },
      {
        service: 'web',
        what: 'roll',
        why: expect.stringMatching(/^image \w{7} to the one that the deploy builds$/)
      },
      { service: 'proxy', what: 'reload' }
    ])
    expect(outcome.outputs.image ?? '').toBe('')
  })

  test('a compose file that compose refuses, at its line', async () => {
    const folder = await checkout(copy => edit(copy, FILE, '  store:\n', '  store:\n    imag: x\n'))
    const { code, log } = await withPlanKey(folder, { 'plan-only': 'true' })
    expect(code).toBe(1)
    expect(log).toMatch(new RegExp(`::error .*file=${FILE},line=.*imag`))
  })
})

describe('with that key', () => {
  test.each(['deploy-vps', 'rollback', 'doctor'])('%s is refused in one line', async name => {
    const before = await snapshot()
    const inputs = name === 'deploy-vps' ? { digest: digests.r2 } : {}
    const folder = await checkout()
    const { code, log } = await runActionOnRunner(
      name,
      { ...inputs, 'ssh-key': key },
      {},
      undefined,
      folder
    )
    expect(code).toBe(1)
    expect(log.match(/::error::.*/g)).toEqual([
      expect.stringContaining(
        'this key may only read: the server answers it with what a plan needs'
      )
    ])
    expect(await snapshot()).toBe(before)
  })
})

describe('plan.yml, unmodified', () => {
  const repository = { full_name: 'nestorwheelock/django-diveops' }

  /** Runs it for a pull request whose branch is in that repository. */
  async function pullRequest(head: string, secrets: Record<string, string>) {
    const event = {
      action: 'opened',
      repository,
      pull_request: {
        number: 7,
        head: { sha: 'decafbad1234', ref: 'x', repo: { full_name: head } },
        base: { ref: 'main' }
      }
    }
    const folder = await checkout(async copy => {
      const text = await readFile(
        new URL('../../workflows-examples/plan.yml', import.meta.url),
        'utf8'
      )
      await put(copy, '.github/workflows/plan.yml', text)
      await put(copy, 'event.json', JSON.stringify(event))
    })
    const before = await snapshot()
    const result = await act(folder, ['pull_request', '-e', 'event.json'], { secrets })
    expect(await snapshot()).toBe(before)
    return result
  }

  test('plans for a pull request of the same repository', async () => {
    // The deploy key is not the repository's: nothing but the plan's own is there.
    const { code, output } = await pullRequest(repository.full_name, {
      SERVER_SSH_KEY: '',
      PLAN_SSH_KEY: key
    })
    expect(output).toContain('planned: nothing was changed')
    expect(output).toMatch(/web +roll .*to the one that the deploy builds/)
    expect(output).not.toContain(token)
    expect(code).toBe(0)
  })

  test('says a sentence for one of a fork, and succeeds', async () => {
    const none = { SERVER_HOST: '', SERVER_USER: '', SERVER_SSH_KEY: '', GHCR_TOKEN: '' }
    const { code, output } = await pullRequest('mallory/django-diveops', none)
    expect(output).toContain('there is no plan: this pull request comes from a fork')
    expect(code).toBe(0)
  })
})
