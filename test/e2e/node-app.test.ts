import { execFileSync } from 'node:child_process'
import { rm } from 'node:fs/promises'
import {
  type ActOptions,
  type ActResult,
  acme,
  act,
  assembleRepository,
  connection,
  resetVps,
  runnerExec,
  up,
  vpsExec
} from '@diveops/lab'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { underVisitors } from '../harness/prober.ts'
import { caller, snippet } from '../harness/readme.ts'
import { running, visit } from '../harness/site.ts'
import { edit, put } from '../harness/tiny.ts'

jest.setTimeout(600_000)

const NAME = 'reef.example'
const README = 'workflows-examples/README.md'
const FORGET = 'userdel --remove --force deployer > /dev/null 2>&1'

let folder = ''
let unknown: ActResult
let first: ActResult
let given: ActOptions
const releases = { first: '' }

beforeAll(async () => {
  await up(() => {})
  await resetVps()
  folder = await assembleRepository('node-app', 'reef-club')
  const secrets = { SERVER_USER: 'deployer', SERVER_SSH_KEY: await newcomer() }
  unknown = await act(folder, ['push'], { secrets, variables: { SERVER_KNOWN_HOSTS: '' } })
  const line = /save this line as the variable: (.+)/.exec(unknown.output)?.[1] ?? ''
  given = { secrets, variables: { SERVER_KNOWN_HOSTS: line } }
  first = await push()
}, 900_000)

afterAll(async () => {
  await vpsExec(FORGET)
  await rm(folder, { recursive: true, force: true })
})

function push(): Promise<ActResult> {
  return act(folder, ['push'], given)
}

/** Prepares key and server by the commands of the README, and returns the private key. */
async function newcomer(): Promise<string> {
  const made = await runnerExec(`set -e
cd "$(mktemp -d)"
${snippet(README, 'sh', 'ssh-keygen -q')}
cat deploy-key.pub deploy-key
rm -r "$PWD"`)
  const [shown = '', ...key] = made.stdout.split('\n')
  const commands = snippet(README, 'sh', 'useradd').replace('ssh-ed25519 AAAA... deployer', shown)
  const { code, stderr } = await vpsExec(`${FORGET}; set -e\n${commands}`)
  if (code !== 0) throw new Error(stderr)
  return key.join('\n')
}

/** A command as the new user types it on the server, in the app's folder. */
async function operator(command: string): Promise<string> {
  const { code, stdout, stderr } = await vpsExec(`cd /opt/diveops && ${command}`, {
    user: 'deployer'
  })
  if (code !== 0) throw new Error(`'${command}' ended with code ${code}: ${stdout}${stderr}`)
  return stdout
}

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

// The name is a secret, so the log masks it; stars stand for any name in known_hosts.
test('without the variable the first push fails and prints the line to save', () => {
  expect(unknown.output).toMatch(
    /::error.*known-hosts.*save this line as the variable: \*\*\* ssh-/
  )
  expect(unknown.output).not.toContain('live: the release serves')
  expect(unknown.code).not.toBe(0)
})

test('with that line a push tests the app, builds it and puts it live on a server that had nothing', async () => {
  expect(first.output).toContain('live: the release serves')
  expect(first.output).toContain('RUN npm test')
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
  const { result, seen } = await underVisitors([NAME], authority, push)
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
  const { code, output } = await push()
  expect(code).not.toBe(0)
  expect(output).toMatch(/fail 1/)
  expect(output).toMatch(/::error/)
  expect(output).not.toContain('live: the release serves')
  expect(await running()).toBe(before)
})

test('rollback.yml, called from this repository as the README shows, brings the first release back', async () => {
  await put(folder, '.github/workflows/rollback.yml', caller('rollback'))
  execFileSync('git', ['-C', folder, 'add', '--all'])
  const words = ['workflow_dispatch', '--workflows', '.github/workflows/rollback.yml']
  const { code, output } = await act(folder, words, given)
  expect(output).toContain('live: the release serves')
  expect(code).toBe(0)
  const page = await visit(NAME, '/')
  expect(page.body).toContain('Seen on the reef')
  expect(page.body).toContain('Manta at 12 m')
  expect((await health()).release).toBe(releases.first)
})

test('the workflow of the README puts the app live as well', async () => {
  await put(folder, '.github/workflows/deploy.yml', snippet('README.md', 'yaml', 'jobs:'))
  execFileSync('git', ['-C', folder, 'add', '--all'])
  const { code, output } = await push()
  expect(output).toContain('live: the release serves')
  expect(code).toBe(0)
  expect((await visit(NAME, '/')).body).toContain('Seen at night')
})
