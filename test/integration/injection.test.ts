import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { runAction } from '../harness/action.ts'
import { type FakeDocker, fakeDocker } from '../harness/fakedocker.ts'
import { commandsOf } from '../harness/runnercommands.ts'
import { type Sshd, startSshd } from '../harness/sshd.ts'

const DIGEST = `sha256:${'0a'.repeat(32)}`
const TOKEN = 'registry-token-0000'
const base64 = (text: string) => Buffer.from(text).toString('base64')
const IMAGE = `ghcr.io/owner/app@${DIGEST}`

/** An engine on the server that agrees to everything, so that runs get as far as they can. */
const ENGINE = `#!/bin/sh
case "$1 $2" in
  'version --format') echo 28.0.0 ;;
  'compose version') echo 2.40.0 ;;
  'compose -f')
    [ "$4" != config ] ||
      printf '{\n  "name": "app",\n  "services": {"web": {"image": "ghcr.io/owner/app", "command": ["%s"]}}\n}\n' "$(pwd -P)" ;;
  'image inspect') case $* in *@image*) echo '@image sha256:1 {}' ;; esac ;;
  'wait '*) echo 0 ;;
esac
`

let folder: string
let canary: string
let sshd: Sshd
let docker: FakeDocker
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'diveops-injection-'))
  canary = path.join(folder, 'canary')
  const bin = path.join(folder, 'bin')
  await mkdir(bin)
  await writeFile(path.join(bin, 'docker'), ENGINE, { mode: 0o755 })
  sshd = await startSshd({ config: [`SetEnv SHLVL=2 PATH=${bin}:/usr/bin:/bin`] })
  docker = await fakeDocker(DIGEST)
})
afterAll(async () => {
  await sshd.stop()
  await docker.close()
  await rm(folder, { recursive: true })
})
afterEach(async () => {
  const sung = existsSync(canary)
  await rm(canary, { force: true })
  expect(sung).toBe(false)
})

/** Texts that run `touch` where a shell or sed reads them, whatever quotes they land in. */
function hostile(): Record<string, string> {
  const touch = `touch ${canary}`
  return {
    quotes: `x'"; ${touch}; #$(${touch})\`${touch}\`|${touch}&$\u007b{ github.token }} ##[add-mask]the`,
    lines: `x\n${touch}\n::add-mask::the\r::set-output name=state::owned\n'\n${touch}\n"\n${touch}\ny`,
    bare: `x#e;1e ${touch} #&\\n;${touch};$(${touch})|${touch}`,
    option: `--output=${canary}`
  }
}

/** Commands that a run may give to the runner: nothing that sets, masks or hides. */
const ALLOWED = ['error', 'warning', 'notice', 'debug', 'group', 'endgroup']

interface Case {
  /** Inputs besides those that reach the host, or the environment, made of a hostile text. */
  inputs?: (text: string) => Record<string, string>
  env?: (text: string) => Record<string, string>
  /** Files of the checkout by their names. */
  files?: (text: string) => Record<string, string>
}

async function harmless(action: string, base: Record<string, string>, one: Case): Promise<void> {
  const runs = Object.entries(hostile()).map(async ([kind, text]) => {
    const workspace = await mkdtemp(path.join(folder, 'checkout-'))
    const own = action === 'deploy-vps' ? { path: `${workspace}/on-server` } : {}
    const files = { Dockerfile: 'FROM scratch\n', ...COMPOSE, ...one.files?.(text) }
    for (const [name, content] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(workspace, name)), { recursive: true })
      await writeFile(path.join(workspace, name), content)
    }
    const git = (...words: string[]) => execFileSync('git', ['-C', workspace, ...words])
    git('init', '--quiet')
    git('add', '--all')
    git('-c', 'user.name=x', '-c', 'user.email=x@example.com', 'commit', '--quiet', '-m', text)
    const { code, log, outputs } = await runAction(
      action,
      { ...base, ...own, ...one.inputs?.(text) },
      {
        env: {
          PATH: `${docker.bin}:${process.env.PATH}`,
          GITHUB_WORKSPACE: workspace,
          GITHUB_REPOSITORY: 'owner/app',
          GITHUB_ACTOR: 'nestor',
          GITHUB_SHA: 'a31c78ce4d9788144a0ae2d7bbc7b27cdc6b9a4f',
          ...one.env?.(text)
        }
      }
    )
    // What is secret here is masked, and nothing else.
    const key = sshd.key.split('\n')
    const secret = [...key, key.slice(1, -2).join(''), TOKEN, base64(`${text}:${TOKEN}`)]
    const commands = commandsOf(log).filter(
      ({ name, line }) =>
        !ALLOWED.includes(name) && !secret.includes(line.replace('::add-mask::', ''))
    )
    return { kind, ended: code !== null, commands, owned: outputs.state === 'owned', log }
  })
  for (const { log, ...seen } of await Promise.all(runs)) {
    const { kind } = seen
    if (!seen.ended) throw new Error(log)
    expect(seen).toEqual({ kind, ended: true, commands: [], owned: false })
    expect(log).not.toMatch(/^\s+at .*\(file:/m)
  }
}

const COMPOSE = {
  'docker-compose.prod.yml': 'services: {web: {image: "ghcr.io/owner/app:latest"}}\n'
}

describe('build-push', () => {
  const base = { image: 'ghcr.io/owner/app', 'registry-token': '', push: 'false' }
  const cases: Record<string, Case> = {
    'a branch name, a commit and an actor': {
      env: text => ({
        GITHUB_REF: `refs/heads/${text}`,
        GITHUB_REF_NAME: text,
        GITHUB_HEAD_REF: text,
        GITHUB_SHA: text,
        GITHUB_ACTOR: text
      })
    },
    'a repository': {
      env: text => ({ GITHUB_REPOSITORY: text, GITHUB_SERVER_URL: text }),
      inputs: () => ({ image: '' })
    },
    context: { inputs: text => ({ context: text }) },
    'a remote context': { inputs: text => ({ context: `https://${text}` }) },
    file: { inputs: text => ({ file: text }) },
    image: { inputs: text => ({ image: `ghcr.io/owner/${text}` }) },
    tags: { inputs: text => ({ tags: text }) },
    platforms: { inputs: text => ({ platforms: text }) },
    'what is taken as it is': {
      inputs: text => ({ target: text, 'build-args': `A=${text}`, 'registry-user': text })
    },
    cache: { inputs: text => ({ cache: `local:${text}` }) }
  }
  test.each(Object.entries(cases))('%s', (_, one) => harmless('build-push', base, one))
})

const server = () => ({
  host: '127.0.0.1',
  port: String(sshd.port),
  user: sshd.user,
  'ssh-key': sshd.key,
  'known-hosts': sshd.knownHosts(),
  path: path.join(folder, 'app'),
  'lock-timeout': '1s'
})

/** A key of diveops.yml; JSON is YAML. */
const yml = (key: string, value: (text: string) => unknown): Case => ({
  files: text => ({ 'diveops.yml': JSON.stringify({ [key]: value(text) }) })
})

describe('deploy-vps', () => {
  const cases: Record<string, Case> = {
    'an actor, a commit and a run': {
      env: text => ({
        GITHUB_ACTOR: text,
        GITHUB_SHA: text,
        GITHUB_RUN_ID: text,
        GITHUB_SERVER_URL: text
      })
    },
    'a repository': { env: text => ({ GITHUB_REPOSITORY: `owner/${text}` }) },
    host: { inputs: text => ({ host: text }) },
    user: { inputs: text => ({ user: text }) },
    'known-hosts': { inputs: text => ({ 'known-hosts': text }) },
    path: { inputs: text => ({ path: path.join(folder, text) }) },
    'a relative path': { inputs: text => ({ path: text }) },
    config: { inputs: text => ({ config: text }) },
    image: { inputs: text => ({ image: `ghcr.io/owner/${text}` }) },
    digest: { inputs: text => ({ image: '', digest: text }) },
    env: { inputs: text => ({ env: `A=${text}\nB=${text}` }) },
    'registry-user': { inputs: text => ({ 'registry-user': text, 'registry-token': TOKEN }) },
    environment: { inputs: text => ({ environment: text }) },
    'the key path': { ...yml('path', text => `/${text}`), inputs: () => ({ path: '' }) },
    'the key compose': yml('compose', text => text),
    'the key files': yml('files', text => [text]),
    'the key proxy': yml('proxy', text => ({ service: text, http: text, https: text })),
    'the key release': yml('release', text => [{ web: text }]),
    'the key domains': yml('domains', text => [[text]]),
    'the key health': yml('health', text => ({ path: `/${text}` })),
    'an unknown key': { files: text => ({ 'diveops.yml': JSON.stringify({ [text]: 1 }) }) },
    "a compose file's name": {
      files: text => {
        const name = text.replaceAll('/', '')
        return {
          [name]: COMPOSE['docker-compose.prod.yml'],
          'diveops.yml': JSON.stringify({ compose: name })
        }
      }
    },
    "a file's name": {
      files: text => ({
        [`site/${text.replaceAll('/', '')}`]: 'x',
        'diveops.yml': JSON.stringify({ files: ['site'] })
      })
    },
    'names in the compose file': {
      files: text => ({
        'docker-compose.prod.yml': JSON.stringify({
          services: { [text]: { image: text, volumes: [`./${text}:/x`] }, web: { image: 'nginx' } }
        })
      })
    },
    'a template': { files: text => ({ '.env.template': `A=${text.replaceAll('\n', ' ')}\n` }) }
  }
  test.each(Object.entries(cases))('%s', (_, one) =>
    harmless('deploy-vps', { ...server(), image: IMAGE }, one)
  )
})

describe('rollback', () => {
  const cases: Record<string, Case> = {
    release: { inputs: text => ({ release: text }) },
    path: { inputs: text => ({ path: path.join(folder, text) }) },
    'an actor': { env: text => ({ GITHUB_ACTOR: text }) }
  }
  test.each(Object.entries(cases))('%s', (_, one) => harmless('rollback', server(), one))
})

describe('setup-ssl', () => {
  const cases: Record<string, Case> = {
    'a domain': { inputs: text => ({ domains: `${text}.example.com` }) },
    email: { inputs: text => ({ email: `${text}@example.com` }) },
    'acme-directory': { inputs: text => ({ 'acme-directory': `https://ca.example/${text}` }) }
  }
  test.each(Object.entries(cases))('%s', (_, one) => harmless('setup-ssl', server(), one))
})

describe('healthcheck-wait', () => {
  const base = { url: 'http://127.0.0.1:1/', timeout: '1ms' }
  const cases: Record<string, Case> = {
    url: { inputs: text => ({ url: `http://127.0.0.1:1/${text}` }) },
    resolve: { inputs: text => ({ resolve: text }) },
    'what is expected': {
      inputs: text => ({
        'expect-body': text,
        'expect-release': text,
        'expect-header': `X: ${text}`
      })
    },
    'expect-status': { inputs: text => ({ 'expect-status': text }) }
  }
  test.each(Object.entries(cases))('%s', (_, one) => harmless('healthcheck-wait', base, one))
})
