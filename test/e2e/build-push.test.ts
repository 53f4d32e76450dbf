import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { act, digest, manifest, registryToken, runnerExec, tags, up } from '@diveops/lab'
import { beforeAll, expect, test } from '@jest/globals'
import { temporaryFolder } from '../harness/temporary.ts'

const REPOSITORY = 'nestorwheelock/build-e2e'
const DOCKERFILE = `FROM nginx:alpine AS small
ARG RELEASE=none
RUN --mount=type=secret,id=canary [ "$(cat /run/secrets/canary)" = canary-7d1f ]
RUN echo "$RELEASE" > /release
FROM nginx:alpine AS slow
RUN echo build-is-slow; sleep 60
FROM scratch AS files
COPY Dockerfile /
`

/** A workflow whose last step writes the outputs into the log, a line each. */
function workflow(inputs: string): string {
  return `on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0
      - uses: diveops/build-push@v1
        id: build
        with:
          registry-token: \${{ secrets.GHCR_TOKEN }}
${inputs.replace(/^/gm, '          ')}
      - run: echo "image=$IMAGE size=$SIZE"
        env:
          IMAGE: \${{ steps.build.outputs.image }}
          SIZE: \${{ steps.build.outputs.size }}
`
}

let folder: string

beforeAll(async () => {
  await up(() => {})
  folder = await temporaryFolder('build-e2e')
  await mkdir(path.join(folder, '.github/workflows'), { recursive: true })
  await writeFile(path.join(folder, 'Dockerfile'), DOCKERFILE)
  const git = (...words: string[]) => execFileSync('git', ['-C', folder, ...words])
  git('init', '-q', '-b', 'main')
  git('remote', 'add', 'origin', `https://github.com/NestorWheelock/build-e2e`)
}, 900_000)

/** Runs the workflow with these inputs of build-push. */
async function build(inputs: string, options: Parameters<typeof act>[2] = {}) {
  await writeFile(path.join(folder, '.github/workflows/build.yml'), workflow(inputs))
  execFileSync('git', ['-C', folder, 'add', '-A'])
  return act(folder, ['push'], options)
}

/** Files of the runner with the registry's login in them, outside of what the lab itself keeps. */
async function leftLogins(): Promise<string> {
  const token = await registryToken()
  const basic = Buffer.from(`nestorwheelock:${token}`).toString('base64')
  const command = 'grep -rlF -f - /root/.docker /root/.cache/act /tmp 2>/dev/null | sort'
  return (await runnerExec(command, { stdin: `${token}\n${basic}\n` })).stdout
}

const SMALL = 'target: small\nbuild-args: RELEASE=abc\nsecrets: canary=canary-7d1f'

test('pushes, tells the digest, and the same commit gives it again', async () => {
  const first = await build(SMALL)
  expect(first).toMatchObject({ code: 0 })
  const pushed = await digest(REPOSITORY, 'latest')
  expect(first.output).toMatch(new RegExp(`image=ghcr.io/${REPOSITORY}@${pushed} size=\\d{4,}`))
  const names = await tags(REPOSITORY)
  const short = names.find(name => /^[0-9a-f]{7}$/.test(name))
  expect(await digest(REPOSITORY, short as string)).toBe(pushed)
  expect(first.output).not.toContain(await registryToken())
  expect(first.output).not.toContain('canary-7d1f')
  expect(await leftLogins()).toBe('')

  await runnerExec('docker builder prune -af; docker image prune -af')
  const second = await build(SMALL)
  expect(second.code).toBe(0)
  expect(second.output).toMatch(/#\d+ CACHED/)
  expect(await digest(REPOSITORY, 'latest')).toBe(pushed)
}, 300_000)

test('two platforms in one index, with a cache in the registry', async () => {
  const { code } = await build(
    'target: files\nplatforms: linux/amd64,linux/arm64\ntags: both\ncache: registry'
  )
  expect(code).toBe(0)
  const index = (await manifest(REPOSITORY, 'both')) as { manifests: { platform: object }[] }
  expect(index.manifests.map(({ platform }) => platform)).toEqual([
    { architecture: 'amd64', os: 'linux' },
    { architecture: 'arm64', os: 'linux' }
  ])
  expect(await tags(REPOSITORY)).toContain('buildcache')
}, 300_000)

test('a token that the registry refuses fails with one line, before the build', async () => {
  const { code, output } = await build(SMALL, { secrets: { GHCR_TOKEN: 'wrong-token' } })
  expect(code).not.toBe(0)
  expect(output).toContain("registry ghcr.io refused the login of user 'nestorwheelock'")
  expect(output).not.toContain('docker buildx build')
}, 300_000)

test('a cancelled build leaves no login', async () => {
  const cancel = new AbortController()
  let during: Promise<string> | undefined
  const { code } = await build('target: slow\ncache: off', {
    signal: cancel.signal,
    onOutput: text => {
      if (during || !/#\d+ [\d.]+ build-is-slow/.test(text)) return
      during = leftLogins()
      void during.then(() => cancel.abort())
    }
  })
  expect(await during).toMatch(/diveops-docker-\w+\/config\.json/)
  expect(code).not.toBe(0)
  expect(await leftLogins()).toBe('')
}, 300_000)
