import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import path from 'node:path'
import type { Local } from '../action/local.ts'
import { UserError } from '../base/errors.ts'
import { lastLine } from './failure.ts'

/** Who logs in where. */
export interface Credentials {
  registry: string
  user: string
  token: string
}

/** The parts of Docker's config.json that a login touches; the rest is kept as it is. */
export interface DockerConfig {
  auths?: Record<string, unknown>
  credHelpers?: Record<string, string>
  credsStore?: string
  [key: string]: unknown
}

/** Docker's own folder on this machine. */
export function dockerFolder(env = process.env): string {
  return env.DOCKER_CONFIG || path.join(homedir(), '.docker')
}

/** The name under which Docker keeps a registry's login. */
export function loginKey(registry: string): string {
  return registry === 'docker.io' ? 'https://index.docker.io/v1/' : registry
}

/**
 * The user's configuration, changed so that a login to `registry` is written into the file beside
 * it and never into the machine's credential store. Other registries' logins stay usable.
 */
export function temporaryConfig(config: DockerConfig, registry: string): DockerConfig {
  const key = loginKey(registry)
  const { [key]: _, ...auths } = config.auths ?? {}
  // An empty helper means the file, also when there is a store for all registries.
  return { ...config, auths, credHelpers: { ...config.credHelpers, [key]: '' } }
}

/** Whether this machine has a login to a registry of its own, in the file or in a store. */
export async function hasLogin(registry: string, env = process.env): Promise<boolean> {
  const config = await readConfig(path.join(dockerFolder(env), 'config.json'))
  const key = loginKey(registry)
  return !!(config.auths?.[key] ?? config.credHelpers?.[key] ?? config.credsStore)
}

/**
 * Makes a folder for DOCKER_CONFIG that no login has reached yet, 0700, with the user's plugins and
 * contexts: with another DOCKER_CONFIG, Docker would no longer find them, nor buildx itself.
 */
export async function makeConfigFolder(registry: string, env = process.env): Promise<string> {
  const own = dockerFolder(env)
  const folder = await mkdtemp(path.join(env.RUNNER_TEMP || tmpdir(), 'diveops-docker-'))
  const config = temporaryConfig(await readConfig(path.join(own, 'config.json')), registry)
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(config), { mode: 0o600 })
  for (const name of ['cli-plugins', 'contexts']) {
    const target = path.join(own, name)
    if (existsSync(target)) await symlink(target, path.join(folder, name))
  }
  return folder
}

/** The variables under which docker uses the folder, and buildx still knows the user's builders. */
export function configVariables(folder: string, env = process.env): Record<string, string> {
  return {
    DOCKER_CONFIG: folder,
    BUILDX_CONFIG: env.BUILDX_CONFIG || path.join(dockerFolder(env), 'buildx')
  }
}

/** Logs in; the token goes through standard input. A refusal is one line. */
export async function login(
  local: Local,
  { registry, user, token }: Credentials,
  env: Record<string, string>
): Promise<void> {
  const words = ['docker', 'login', '--username', user, '--password-stdin', registry]
  const { code, stderr } = await local(words, { env, stdin: token })
  if (code === 0) return
  throw new UserError(
    `registry ${registry} refused the login of user '${user}': ${lastLine(stderr)}; ` +
      "check inputs 'registry-user' and 'registry-token'"
  )
}

/** Removes a folder made by `makeConfigFolder`, credentials included. */
export async function removeConfigFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
}

async function readConfig(file: string): Promise<DockerConfig> {
  if (!existsSync(file)) return {}
  try {
    return JSON.parse(await readFile(file, 'utf8')) as DockerConfig
  } catch {
    throw new UserError(`${file} is not valid JSON`)
  }
}
