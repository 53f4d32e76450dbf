import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { type Options, runAction } from '../harness/action.ts'
import { type FakeDocker, fakeDocker } from '../harness/fakedocker.ts'

const DIGEST = `sha256:${'0a'.repeat(32)}`
const TOKEN = 'canary-token-5f2c'

let docker: FakeDocker
let home: string
beforeEach(async () => {
  docker = await fakeDocker(DIGEST)
  home = await mkdtemp(path.join(tmpdir(), 'diveops-home-'))
})
afterEach(async () => {
  await docker.close()
  await rm(home, { recursive: true })
})

function build(inputs: Record<string, string>, behaviour = '', options: Options = {}) {
  return runAction('build-push', inputs, {
    ...options,
    env: {
      PATH: `${docker.bin}:${process.env.PATH}`,
      HOME: home,
      RUNNER_TEMP: home,
      GITHUB_WORKSPACE: docker.workspace,
      GITHUB_REPOSITORY: 'NestorWheelock/Django-DiveOps',
      GITHUB_SERVER_URL: 'https://github.com',
      GITHUB_SHA: 'a31c78ce4d9788144a0ae2d7bbc7b27cdc6b9a4f',
      GITHUB_ACTOR: 'nestor',
      FAKE_DOCKER: behaviour,
      ...options.env
    }
  })
}

test('tells name and digest, tags and size, and leaves no credential', async () => {
  const { code, outputs, summary, log } = await build({
    'registry-token': TOKEN,
    secrets: 'pip=canary-secret-91ab',
    'build-args': 'RELEASE=abc'
  })
  expect(code).toBe(0)
  const name = 'ghcr.io/nestorwheelock/django-diveops'
  expect(outputs).toEqual({
    image: `${name}@${DIGEST}`,
    digest: DIGEST,
    tags: `${name}:latest\n${name}:a31c78c`,
    size: '321'
  })
  expect(summary).toContain(`| Digest | ${DIGEST} |`)
  const calls = await docker.calls()
  expect(calls.join('\n')).not.toContain('canary')
  expect(calls).toContain('login --username nestor --password-stdin ghcr.io')
  expect(log.replace(/^::add-mask::.*$/gm, '')).not.toContain('canary')
  expect(log).toContain('secret is ***')
  expect(await readdir(home)).toEqual([])
})

test('a cancelled build leaves the login to the post step, which removes it', async () => {
  const cancel = new AbortController()
  const main = await build({ 'registry-token': TOKEN }, 'hang', {
    cancel: cancel.signal,
    onOutput: text => {
      if (text.includes('login:')) cancel.abort()
    }
  })
  expect(main.code).not.toBe(0)
  expect(await readdir(home)).toContain(path.basename(main.state.config as string))
  const post = await build({ 'registry-token': TOKEN }, '', { state: main.state })
  expect(post.code).toBe(0)
  expect((await readdir(home)).filter(name => name.startsWith('diveops-docker-'))).toEqual([])
})

test.each<[string, Record<string, string>, string]>([
  ['no-buildx', { push: 'false' }, 'docker buildx is missing on this runner'],
  ['no-engine', { push: 'false' }, 'no Docker engine answers on this runner'],
  [
    'refuse-login',
    { 'registry-token': TOKEN },
    "registry ghcr.io refused the login of user 'nestor'"
  ],
  [
    'refuse-push',
    { 'registry-token': TOKEN },
    "registry ghcr.io refused user 'nestor' the push of ghcr.io/nestorwheelock/django-diveops: " +
      'the token needs the scope write:packages'
  ],
  ['', {}, "input 'registry-token' is empty, expected a token that may push to ghcr.io"],
  [
    '',
    { image: 'ghcr.io/Owner/app' },
    "input 'image': got 'ghcr.io/Owner/app', expected lower case"
  ],
  ['', { image: 'ghcr.io/o/app:1' }, 'expected a name without a tag'],
  ['', { context: 'no/such' }, "input 'context': got 'no/such'"],
  ['', { file: 'Dockerfile.x' }, "input 'file': got 'Dockerfile.x'"],
  ['', { tags: 'a b/c' }, "input 'tags': got 'b/c'"],
  ['', { platforms: 'amd64' }, "input 'platforms': got 'amd64'"],
  ['', { secrets: '---canary' }, "input 'secrets': line 1 is not of the form id=value or NAME"],
  ['', { secrets: 'PIP_INDEX' }, "input 'secrets': 'PIP_INDEX' has no value"],
  ['', { 'build-args': 'x' }, "input 'build-args': line 1 is not of the form NAME=value"],
  ['', { cache: 'gha' }, 'this runner has no GitHub cache service'],
  ['', { cache: 'disk' }, "input 'cache': got 'disk'"],
  ['', { push: 'yes' }, "input 'push': got 'yes', expected 'true' or 'false'"],
  ['', { platform: 'linux/amd64' }, "did you mean 'platforms'?"]
])('%s %j fails with one line', async (behaviour, inputs, message) => {
  const { code, log } = await build(inputs, behaviour)
  expect(code).toBe(1)
  const errors = log.split('\n').filter(line => line.startsWith('::error::'))
  expect(errors).toHaveLength(1)
  expect(errors[0]).toContain(message)
  expect(await readdir(home)).toEqual([])
})

test('docker itself is missing', async () => {
  const { log } = await build({ push: 'false' }, '', { env: { PATH: '/nowhere' } })
  expect(log).toContain("::error::'docker' is not installed on this runner")
})
