import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { keepComment } from '../../packages/core/src/action/comment.ts'
import { Deployment } from '../../packages/core/src/action/deployment.ts'
import { type GitHub, openGitHub } from '../../packages/core/src/action/github.ts'
import { silentLog } from '../../packages/core/src/base/log.ts'
import { runAction } from '../harness/action.ts'
import { type FakeGitHub, type Fault, startFakeGitHub } from '../harness/github/fake.ts'
import { commentOf, userOf } from '../harness/github/records.ts'
import { commandsOf } from '../harness/runnercommands.ts'
import { type Sshd, startSshd } from '../harness/sshd.ts'

let fake: FakeGitHub
let sshd: Sshd
let folder: string
beforeAll(async () => {
  fake = await startFakeGitHub()
  sshd = await startSshd()
  folder = await mkdtemp(path.join(tmpdir(), 'diveops-github-'))
})
afterAll(async () => {
  await fake.stop()
  await sshd.stop()
  await rm(folder, { recursive: true })
})
afterEach(() => {
  expect(fake.problems).toEqual([])
  fake.reset()
})

const COMMIT = '0123456789abcdef0123456789abcdef01234567'
const RUN = 'https://github.com/owner/app/actions/runs/42'

function open(warnings: string[] = [], timeoutMs = 10_000): GitHub {
  const event = { repository: { owner: 'owner', repo: 'app' }, commit: COMMIT, pull: undefined }
  const log = { ...silentLog, warning: (text: string) => warnings.push(text) }
  const options = { env: { GITHUB_API_URL: fake.url }, timeoutMs }
  return openGitHub('ghs_token', event, log, options) as GitHub
}

const deployment = (github: GitHub, environment = 'production') =>
  new Deployment(github, { environment, ref: COMMIT, description: 'deploy', logUrl: RUN })

const live = { state: 'success', description: 'live', url: 'https://a.example' } as const
const states = () => [...fake.statuses].map(([id, all]) => [id, ...all.map(one => one.state)])

describe('deployments', () => {
  test('are in progress, then live, with the addresses of the site and of the run', async () => {
    const one = deployment(open())
    await one.end(live)
    expect(fake.deployments).toEqual([
      expect.objectContaining({ ref: COMMIT, environment: 'production', description: 'deploy' })
    ])
    expect(states()).toEqual([[1, 'success', 'in_progress']])
    expect(fake.statuses.get(1)?.[0]).toMatchObject({
      environment_url: 'https://a.example',
      log_url: RUN
    })
  })

  test('that were live before become inactive, those that failed or are elsewhere stay', async () => {
    await deployment(open()).end(live)
    await deployment(open(), 'staging').end(live)
    await deployment(open()).end({ state: 'failure', description: 'restored', url: undefined })
    await deployment(open()).end(live)
    await deployment(open()).end(live)
    expect(states()).toEqual([
      [1, 'inactive', 'success', 'in_progress'],
      [2, 'success', 'in_progress'],
      [3, 'failure', 'in_progress'],
      [4, 'inactive', 'success', 'in_progress'],
      [5, 'success', 'in_progress']
    ])
  })

  test('take descriptions of any length and an environment of any name', async () => {
    const environment = 'prod/eu "1" & ünïcode'
    await deployment(open(), environment).end({ ...live, description: 'x'.repeat(500) })
    expect(fake.deployments[0]?.environment).toBe(environment)
    expect(fake.statuses.get(1)?.[0]?.description).toHaveLength(140)
  })
})

describe('the comment on a pull request', () => {
  test('is one, found again among many and changed', async () => {
    for (let id = 1; id <= 130; id++) fake.comments.push(commentOf(id, `talk ${id}`))
    await keepComment(open(), 7, 'plan for production', 'first')
    await keepComment(open(), 7, 'plan for production', 'second')
    await keepComment(open(), 7, 'plan for staging', 'other')
    expect(fake.comments.slice(130).map(({ body }) => body)).toEqual([
      expect.stringMatching(/^<!-- .* -->\nsecond$/),
      expect.stringMatching(/^<!-- .* -->\nother$/)
    ])
    expect(fake.comments.slice(0, 130).every(({ body }) => body.startsWith('talk '))).toBe(true)
  })

  test('is left alone when nothing changed', async () => {
    await keepComment(open(), 7, 'plan', 'same')
    await keepComment(open(), 7, 'plan', 'same')
    expect(fake.asked.filter(name => name.startsWith('PATCH'))).toEqual([])
    expect(fake.comments).toHaveLength(1)
  })

  test("is never written into a stranger's, however that looks", async () => {
    await keepComment(open(), 7, 'plan', 'ours')
    const body = fake.comments[0]?.body ?? ''
    fake.comments[0] = commentOf(1, body, userOf('mallory', 'User'))
    await keepComment(open(), 7, 'plan', 'new')
    expect(fake.comments.map(one => one.body)).toEqual([body, body.replace('ours', 'new')])
  })

  test('is cut where GitHub would refuse it', async () => {
    await keepComment(open(), 7, 'plan', 'x'.repeat(100_000))
    expect(fake.comments[0]?.body.length).toBe(65_536)
  })
})

const FAULTS: [string, Fault, RegExp][] = [
  [
    '401',
    { status: 401, body: { message: 'Bad credentials' } },
    /'Bad credentials'; the token in input 'github-token' is not valid; give it/
  ],
  [
    '403 without the permission',
    { status: 403, body: { message: 'Resource not accessible by integration' } },
    /'Resource not accessible by integration'; .*give the job the permission 'deployments: write'$/
  ],
  [
    '403 at the limit of requests',
    {
      status: 403,
      body: { message: 'API rate limit exceeded' },
      headers: { 'x-ratelimit-remaining': '0' }
    },
    /limit of requests is used up/
  ],
  [
    '404',
    { status: 404, body: { message: 'Not Found' } },
    /'Not Found'; .* permission 'deployments: write'$/
  ],
  [
    '409',
    { status: 409, body: { message: 'Conflict merging main' } },
    /'Conflict merging main'; GitHub refused the request \(status 409\)/
  ],
  [
    '422',
    { status: 422, body: { message: 'No ref found for: x' } },
    /'No ref found for: x'; GitHub refused the request \(status 422\)/
  ],
  ['500', { status: 500 }, /answered with status 500; the rest of the run went on without it$/],
  [
    '502 in HTML',
    { status: 502, body: '<html>' as unknown as object, headers: { 'content-type': 'text/html' } },
    /answered with status 502/
  ],
  [
    '503',
    { status: 503, body: { message: 'Service\n::error::down' } },
    /'Service ::error::down'; .* status 503/
  ],
  ['a broken connection', 'hangs up', /did not answer \(.+\); the rest of the run went on/],
  ['no answer', 'never answers', /did not answer in time; the rest of the run went on/]
]

describe.each(FAULTS)('%s', (_, fault, expected) => {
  const patience = fault === 'never answers' ? 2000 : undefined
  const record = "could not record a deployment to 'production': "

  test('of the first request is one warning and nothing else', async () => {
    fake.fail('POST /repos/{owner}/{repo}/deployments', fault)
    const warnings: string[] = []
    await deployment(open(warnings, patience)).end(live)
    expect(warnings).toEqual([expect.stringMatching(expected)])
    expect(warnings[0]?.startsWith(record)).toBe(true)
    expect(fake.asked).toHaveLength(1)
  })

  test('of a later one, too', async () => {
    const warnings: string[] = []
    const one = deployment(open(warnings, patience))
    fake.fail('GET /repos/{owner}/{repo}/deployments', fault)
    await one.end(live)
    expect(warnings).toEqual([expect.stringMatching(expected)])
    expect(states()).toEqual([[1, 'success', 'in_progress']])
  })
})

describe('the deploy-vps bundle', () => {
  const env = () => ({
    GITHUB_API_URL: fake.url,
    GITHUB_REPOSITORY: 'owner/app',
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_RUN_ID: '42',
    GITHUB_SHA: COMMIT,
    GITHUB_WORKSPACE: folder
  })

  /** Inputs that lead as far as the server, which then turns out to be another one. */
  const inputs = () => ({
    host: '127.0.0.1',
    port: String(sshd.port),
    user: sshd.user,
    'ssh-key': sshd.key,
    'known-hosts': '',
    digest: `sha256:${'0'.repeat(64)}`,
    'github-token': 'ghs_token'
  })

  beforeAll(async () => {
    await writeFile(
      path.join(folder, 'docker-compose.prod.yml'),
      'services: {web: {image: nginx}}\n'
    )
    execFileSync('git', ['-C', folder, 'init', '--quiet'])
    execFileSync('git', ['-C', folder, 'add', '--all'])
  })

  const pull = async (from: string | null) => {
    const file = path.join(folder, 'event.json')
    const repo = from === null ? null : { full_name: from }
    const event = {
      repository: { full_name: 'owner/app' },
      pull_request: { number: 7, head: { sha: 'fedcba9876543210', repo } }
    }
    await writeFile(file, JSON.stringify(event))
    return { ...env(), GITHUB_EVENT_NAME: 'pull_request', GITHUB_EVENT_PATH: file }
  }

  test('records a failed deploy as one', async () => {
    const { code, outputs } = await runAction('deploy-vps', inputs(), { env: env() })
    expect({ code, state: outputs.state }).toEqual({ code: 1, state: 'untouched' })
    expect(states()).toEqual([[1, 'failure', 'in_progress']])
    expect(fake.statuses.get(1)?.[0]?.description).toMatch(/^untouched: /)
  })

  test('records one that is cancelled while the server does not answer as ended, in the time that is left', async () => {
    const cancel = new AbortController()
    const mute = net.createServer(() => cancel.abort())
    await new Promise<void>(resolve => mute.listen(0, '127.0.0.1', resolve))
    const { port } = mute.address() as AddressInfo
    const { code, log } = await runAction(
      'deploy-vps',
      { ...inputs(), port: String(port) },
      { env: env(), cancel: cancel.signal }
    )
    mute.close()
    expect(log).toContain('::error::the run was cancelled, and the host did not answer in time')
    expect(code).toBe(1)
    expect(states()).toEqual([[1, 'error', 'in_progress']])
    expect(fake.statuses.get(1)?.[0]?.description).toBe('cancelled, and the server did not answer')
  })

  test('fails for its own reason, not for that of GitHub, which is a warning', async () => {
    fake.fail('POST', { status: 403, body: { message: 'Resource not accessible by integration' } })
    const { code, log } = await runAction('deploy-vps', inputs(), { env: env() })
    expect(code).toBe(1)
    const said = commandsOf(log).filter(({ name }) => ['warning', 'error'].includes(name))
    expect(
      said.map(({ name, line }) => [name, /deployments: write|host key/.exec(line)?.[0]])
    ).toEqual([
      ['warning', 'deployments: write'],
      ['error', 'host key']
    ])
  })

  test.each([
    [
      'an unknown key',
      'keep: 3\nhealth:\n  timout: 5s\n',
      3,
      "diveops.yml:3: 'health.timout' is not known"
    ],
    ['what is no YAML', 'keep: 3\nhealth: [\n', 3, 'diveops.yml: ']
  ])('shows %s beside its line of diveops.yml', async (_, text, line, message) => {
    await writeFile(path.join(folder, 'diveops.yml'), text)
    const { code, log } = await runAction('deploy-vps', inputs(), { env: env() })
    await rm(path.join(folder, 'diveops.yml'))
    expect(code).toBe(1)
    expect(log).toContain(`::error title=DiveOps,file=diveops.yml,line=${line}::${message}`)
    expect(commandsOf(log).filter(({ name }) => name === 'error')).toHaveLength(1)
  })

  test('records nothing without a token', async () => {
    await runAction('deploy-vps', { ...inputs(), 'github-token': '' }, { env: env() })
    expect(fake.asked).toEqual([])
  })

  test('puts the reason why there is no plan under the pull request, and records no deployment', async () => {
    const asked = { ...inputs(), 'plan-only': 'true' }
    await runAction('deploy-vps', asked, { env: await pull('owner/app') })
    await runAction('deploy-vps', asked, { env: await pull('owner/app') })
    expect(fake.deployments).toEqual([])
    expect(fake.comments.map(({ body }) => body)).toEqual([
      expect.stringMatching(/### Plan of fedcba9 for production failed\n\n> ❌ .*host key/)
    ])
  })

  test.each([
    ['a fork', 'mallory/app', 'mallory'],
    ['a fork', null, 'mallory'],
    ['Dependabot', 'owner/app', 'dependabot[bot]']
  ])('says why there is no plan for %s (%s) and succeeds', async (whose, from, actor) => {
    // A fork's run gets no secret at all.
    const asked = { 'plan-only': 'true', digest: `sha256:${'0'.repeat(64)}` }
    const { code, log, summary, outputs } = await runAction('deploy-vps', asked, {
      env: { ...(await pull(from)), GITHUB_ACTOR: actor }
    })
    expect(code).toBe(0)
    expect(log).toContain(`this pull request comes from ${whose}, whose runs get no secrets`)
    expect(summary).toContain('there is no plan')
    expect(outputs).toEqual({ changed: 'false' })
    expect(fake.asked).toEqual([])
  })

  test.each([
    ['a deploy for a fork', { 'plan-only': 'false' }, 'mallory/app'],
    ['a plan for a branch', { 'plan-only': 'true' }, 'owner/app']
  ])('fails without a key: %s', async (_, asked, from) => {
    const { code, log } = await runAction('deploy-vps', asked, { env: await pull(from) })
    expect(code).toBe(1)
    expect(log).toMatch(/::error::input 'host' is empty/)
  })
})
