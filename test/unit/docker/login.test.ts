import { mkdir, mkdtemp, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  configVariables,
  hasLogin,
  login,
  makeConfigFolder,
  removeConfigFolder,
  temporaryConfig
} from '@diveops/core/docker/login'
import { afterEach, beforeEach, expect, test } from '@jest/globals'

let folder: string
let env: NodeJS.ProcessEnv
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'diveops-login-'))
  env = { DOCKER_CONFIG: path.join(folder, 'own'), RUNNER_TEMP: folder }
  await mkdir(path.join(folder, 'own/cli-plugins'), { recursive: true })
})
afterEach(() => rm(folder, { recursive: true }))

async function ownConfig(config: object) {
  await writeFile(path.join(folder, 'own/config.json'), JSON.stringify(config))
}

test('a login goes into the file, whatever stores the machine has; the rest is kept', () => {
  const own = {
    auths: { 'ghcr.io': { auth: 'old' }, 'other.example': { auth: 'kept' } },
    credsStore: 'desktop',
    credHelpers: { 'ghcr.io': 'secretservice', 'ecr.example': 'ecr' },
    currentContext: 'remote'
  }
  expect(temporaryConfig(own, 'ghcr.io')).toEqual({
    auths: { 'other.example': { auth: 'kept' } },
    credsStore: 'desktop',
    credHelpers: { 'ghcr.io': '', 'ecr.example': 'ecr' },
    currentContext: 'remote'
  })
})

test('the folder is private and has the plugins and the builders of the user', async () => {
  await ownConfig({ currentContext: 'default' })
  const temporary = await makeConfigFolder('docker.io', env)
  expect((await stat(temporary)).mode & 0o777).toBe(0o700)
  const file = path.join(temporary, 'config.json')
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({
    currentContext: 'default',
    credHelpers: { 'https://index.docker.io/v1/': '' }
  })
  expect(await realpath(path.join(temporary, 'cli-plugins'))).toBe(
    await realpath(path.join(folder, 'own/cli-plugins'))
  )
  expect(configVariables(temporary, env)).toEqual({
    DOCKER_CONFIG: temporary,
    BUILDX_CONFIG: path.join(folder, 'own/buildx')
  })
  await removeConfigFolder(temporary)
  await expect(stat(temporary)).rejects.toThrow('ENOENT')
  // What the folder linked to is still there.
  expect((await stat(path.join(folder, 'own/cli-plugins'))).isDirectory()).toBe(true)
})

test.each([
  [{}, false],
  [{ auths: { 'ghcr.io': {} } }, true],
  [{ auths: { 'other.example': {} } }, false],
  [{ credHelpers: { 'ghcr.io': 'x' } }, true],
  [{ credsStore: 'desktop' }, true]
])('a login of the machine in %j', async (config, found) => {
  await ownConfig(config)
  expect(await hasLogin('ghcr.io', env)).toBe(found)
})

test('a broken config.json is named', async () => {
  await writeFile(path.join(folder, 'own/config.json'), '{')
  await expect(makeConfigFolder('ghcr.io', env)).rejects.toThrow(
    'own/config.json is not valid JSON'
  )
})

test('the token goes through standard input; a refusal is one line', async () => {
  const calls: unknown[] = []
  const credentials = { registry: 'ghcr.io', user: 'me', token: 'canary' }
  await login(
    async (words, options) => {
      calls.push([words.join(' '), options?.stdin])
      return { code: 0, stdout: '', stderr: '' }
    },
    credentials,
    {}
  )
  expect(calls).toEqual([['docker login --username me --password-stdin ghcr.io', 'canary']])
  const refuse = async () => ({ code: 1, stdout: '', stderr: 'warning\ndenied: denied\n' })
  await expect(login(refuse, credentials, {})).rejects.toThrow(
    "registry ghcr.io refused the login of user 'me': denied: denied; check inputs 'registry-user' and 'registry-token'"
  )
})
