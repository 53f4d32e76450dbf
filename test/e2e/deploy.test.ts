import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { registryToken, resetVps, up, vpsExec } from '@diveops/lab'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { type Outcome, unexpected } from '../harness/action.ts'
import { type FakeGitHub, startFakeGitHub } from '../harness/github/fake.ts'
import {
  buildTiny,
  checkoutTiny,
  deployTiny,
  edit,
  IMAGE,
  onServer,
  site,
  snapshot
} from '../harness/tiny.ts'

jest.setTimeout(300_000)

const digests = { r1: '', r2: '', unhealthy: '', crash: '', migration: '' }
let workspace = ''
let github: FakeGitHub

/** Environment and inputs with which a run tells GitHub of itself. */
function onGitHub(other: Record<string, string> = {}) {
  return { env: { GITHUB_API_URL: github.url, GITHUB_SHA: 'c0ffee5', ...other } }
}
const TOKEN = { 'github-token': 'ghs_token' }
/** What was said of each deployment, the last word first. */
const recorded = () =>
  [...github.statuses.values()].map(all => all.map(({ state }) => state).join())

async function started(): Promise<string> {
  return onServer(`docker ps -q | sort | xargs docker inspect -f '{{.Name}} {{.State.StartedAt}}'`)
}

function succeeded(outcome: Outcome): void {
  if (outcome.code !== 0) throw unexpected(outcome)
}

beforeAll(async () => {
  await up(() => {})
  await resetVps()
  digests.r1 = await buildTiny('r1')
  digests.r2 = await buildTiny('r2')
  digests.unhealthy = await buildTiny('r3', 'unhealthy')
  digests.crash = await buildTiny('r4', 'crash')
  digests.migration = await buildTiny('r5', 'bad-migration')
  workspace = await checkoutTiny()
  github = await startFakeGitHub()
})
afterAll(async () => {
  await github.stop()
  expect(github.problems).toEqual([])
})

test('the first deploy puts the app live on a server that has nothing but Docker', async () => {
  const outcome = await deployTiny(workspace, { digest: digests.r1, ...TOKEN }, onGitHub())
  succeeded(outcome)
  expect(outcome.outputs).toMatchObject({ state: 'live', changed: 'true' })
  expect(github.deployments).toMatchObject([{ ref: 'c0ffee5', environment: 'production' }])
  expect(recorded()).toEqual(['success,in_progress'])
  expect(outcome.outputs.image).toBe(`${IMAGE}@${digests.r1}`)
  expect(await site()).toBe('release r1, hello from the template')
  const { release } = outcome.outputs
  expect(await onServer('readlink current')).toBe(`releases/${release}\n`)
  expect(await onServer('stat -c %a .env releases .diveops')).toBe('600\n700\n700\n')
  expect(await onServer('cat .env')).toMatch(
    /^GREETING='hello from the template'\nAPI_TOKEN='\w{40}'\n$/
  )
  expect(await onServer('docker exec tiny-web-1 cat /data/migrations')).toBe('r1\n')
  expect(outcome.summary).toContain('live: the release serves')
  expect(outcome.summary).toMatch(/\| web \| create \|/)
  expect(outcome.summary).toMatch(/\| pull \| [\d.]+ m?s \|/)
  expect(outcome.summary).toMatch(/```mermaid\ngantt\n[^`]+ section look\n[^`]+ section prepare\n/)
  expect(outcome.log).toMatch(/^::group::→ pull\n[^:]*::endgroup::\n/m)
})

test("compose's own 'up -d' then changes nothing, and neither does the same deploy again", async () => {
  const before = await started()
  const said = await onServer('docker compose -f docker-compose.prod.yml up -d')
  expect(said).not.toMatch(/Creat|Recreat|Start/)
  expect(await started()).toBe(before)
  await vpsExec(': > /var/log/sshd.log')
  const outcome = await deployTiny(workspace, { digest: digests.r1 })
  expect(outcome.outputs).toMatchObject({ state: 'unchanged', changed: 'false' })
  expect(await started()).toBe(before)
  expect(await onServer('docker exec tiny-web-1 cat /data/migrations')).toBe('r1\n')
  const { stdout } = await vpsExec("grep -c 'Connection from' /var/log/sshd.log")
  expect(stdout.trim()).toBe('1')
})

test('a plan changes nothing and says what would be', async () => {
  const before = await snapshot()
  const event = path.join(await checkoutTiny(), 'event.json')
  const repository = { full_name: 'nestorwheelock/tiny' }
  const pull = { number: 7, head: { sha: 'decafbad1234', repo: repository } }
  await writeFile(event, JSON.stringify({ repository, pull_request: pull }))
  const outcome = await deployTiny(
    workspace,
    { digest: digests.r2, 'plan-only': 'true', ...TOKEN },
    onGitHub({ GITHUB_EVENT_NAME: 'pull_request', GITHUB_EVENT_PATH: event })
  )
  expect(outcome.outputs).toMatchObject({ state: 'planned', changed: 'false' })
  expect(JSON.parse(outcome.outputs.plan ?? '').services).toMatchObject([
    { service: 'store', what: 'keep' },
    { service: 'web', what: 'recreate' },
    { service: 'proxy', what: 'recreate' }
  ])
  expect(await snapshot()).toBe(before)
  expect(github.deployments).toHaveLength(1)
  expect(github.comments).toHaveLength(1)
  expect(github.comments[0]?.body).toMatch(
    /### Plan of decafba for production\n.*\| web \| recreate \|/s
  )
})

test('a new release replaces the app and the proxy and leaves the data service alone', async () => {
  const store = await onServer('docker inspect -f "{{.Id}} {{.State.StartedAt}}" tiny-store-1')
  const outcome = await deployTiny(workspace, { digest: digests.r2 })
  succeeded(outcome)
  expect(outcome.outputs.state).toBe('live')
  expect(outcome.outputs['previous-release']).toMatch(/^\d{8}-\d{6}-\w{7}$/)
  expect(await site()).toBe('release r2, hello from the template')
  expect(await onServer('docker inspect -f "{{.Id}} {{.State.StartedAt}}" tiny-store-1')).toBe(
    store
  )
  expect(await onServer('docker exec tiny-web-1 cat /data/migrations')).toBe('r1\nr2\n')
  const said = await onServer('docker compose -f docker-compose.prod.yml up -d')
  expect(said).not.toMatch(/Creat|Recreat|Start/)
})

test.each([
  ['unhealthy', "service 'web' was not healthy within 5 s", 'HTTP Error 500'],
  ['crash', "service 'web' ended by itself with exit code 1", 'the setting DEPTH is missing']
] as const)(
  'a release that is %s is taken back, and the run fails',
  async (kind, message, reason) => {
    const outcome = await deployTiny(
      workspace,
      { digest: digests[kind], 'health-timeout': '5s', ...TOKEN },
      onGitHub()
    )
    expect(outcome.code).toBe(1)
    expect(outcome.outputs.state).toBe('restored')
    expect(recorded().at(-1)).toBe('failure,in_progress')
    const [heading, why] = outcome.summary.split('\n\n')
    expect(heading).toMatch(/^### Deploy failed: /)
    expect(why).toContain(`> ❌ ${message}`)
    expect(outcome.summary).toContain(reason)
    expect(outcome.summary).toMatch(/✗ \w+ .* :crit, [^`]+ section way back\n/)
    expect(outcome.log).toContain(`::error::${message}`)
    expect(outcome.log).toContain(reason)
    expect(await site()).toBe('release r2, hello from the template')
    expect(await onServer('docker image ls --digests')).not.toContain(digests[kind])
    const said = await onServer('docker compose -f docker-compose.prod.yml up -d')
    expect(said).not.toMatch(/Creat|Recreat|Start/)
  }
)

test('a failing release command stops the deploy before anything live is touched', async () => {
  const before = await snapshot()
  const outcome = await deployTiny(workspace, { digest: digests.migration })
  expect(outcome.code).toBe(1)
  expect(outcome.outputs.state).toBe('untouched')
  expect(outcome.log).toContain(
    "::error::release command 'python3 /server.py migrate' in service 'web' failed with exit code 1"
  )
  expect(outcome.log).toContain("relation 'dives' already exists")
  expect(await snapshot()).toBe(before)
})

test('the .env keeps what the host has, and gets what is new', async () => {
  await onServer(`sed -i "s/hello from the template/edited by hand/" .env`)
  const token = await onServer('grep API_TOKEN .env')
  const folder = await checkoutTiny(async copy => {
    await edit(
      copy,
      '.env.template',
      'GREETING=',
      'DEPTH=40\nSMTP_PASSWORD={{required}}\nGREETING='
    )
  })
  const outcome = await deployTiny(folder, {
    digest: digests.r2,
    env: 'SMTP_PASSWORD=pa$word1#x\nGREETING=from the workflow'
  })
  succeeded(outcome)
  expect(await onServer('cat .env')).toBe(
    `GREETING='edited by hand'\n${token}DEPTH='40'\nSMTP_PASSWORD='pa$word1#x'\n`
  )
  expect(await site()).toBe('release r2, edited by hand')
  expect(await onServer('docker exec tiny-web-1 printenv SMTP_PASSWORD')).toBe('pa$word1#x\n')
  expect(outcome.log).toContain('.env on the host has another value for GREETING')
  expect(outcome.log).not.toContain('from the workflow')
})

test('releases beyond the kept ones go, with their images and nothing else', async () => {
  await vpsExec('docker tag nginx:alpine somebody/else:1')
  const folder = await checkoutTiny(copy =>
    edit(copy, 'diveops.yml', 'release:', 'keep: 2\nrelease:')
  )
  succeeded(await deployTiny(folder, { digest: digests.r1 }))
  expect((await onServer('ls releases')).trim().split('\n')).toHaveLength(2)
  const images = await onServer('docker image ls --format "{{.Repository}}:{{.Tag}}"')
  expect(images.match(/^diveops\.local\/tiny\/web:/gm)).toHaveLength(2)
  expect(images).toContain('somebody/else:1')
  expect(await site()).toBe('release r1, edited by hand')
})

test('no credential is left on the server, in the log or in an argument of a process', async () => {
  const token = await registryToken()
  await vpsExec(
    'setsid sh -c \'while sleep 0.02; do cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " "; echo; done > /root/argv\' > /dev/null 2>&1 & echo $! > /root/watcher'
  )
  const outcome = await deployTiny(workspace, {
    digest: digests.r2,
    env: 'NEW_PASSWORD=canary-in-the-env\nCANARY=1'
  })
  await vpsExec('kill -- -$(cat /root/watcher) || kill $(cat /root/watcher)')
  succeeded(outcome)
  const generated = /API_TOKEN='(\w+)'/.exec(await onServer('cat .env'))?.[1] as string
  const login = Buffer.from(`nestorwheelock:${token}`).toString('base64')
  const log = outcome.log.replace(/^::add-mask::.*$/gm, '') + outcome.summary
  for (const canary of [token, login, 'canary-in-the-env', generated]) {
    expect(log).not.toContain(canary)
    const { stdout: argv } = await vpsExec(`grep -cF -e '${canary}' /root/argv`)
    expect(argv.trim()).toBe('0')
    // runc-process*: where the engine itself puts a container's variables while it starts a process.
    const { stdout: files } = await vpsExec(
      `grep -rlF --exclude='runc-process*' -e '${canary}' /opt /home /root /tmp /dev/shm /var/log /etc | grep -v '^/opt/diveops/.env$' | grep -v '^/opt/diveops/.diveops/env/'`
    )
    expect(files).toBe('')
  }
  const { stdout: watched } = await vpsExec('grep -c "docker compose" /root/argv; rm /root/argv')
  expect(Number(watched.trim())).toBeGreaterThan(0)
})
