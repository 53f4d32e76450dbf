import { execFile } from 'node:child_process'
import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { UserError } from '../base/errors.ts'
import { list } from '../base/names.ts'
import { type AppConfig, parseConfig } from './config.ts'
import { parseTemplate, type TemplateEntry } from './environment.ts'
import { pairsOf } from './pairs.ts'
import { isPlaceholder, referencedPaths } from './references.ts'

const exec = promisify(execFile)

/** A file of a release as the repository has it. */
export interface SourceFile {
  /** Relative to the app's folder, with `/`. */
  path: string
  content: Buffer
  executable: boolean
}

/** What the repository says about the app: the configuration and the files that go to the host. */
export interface Source {
  config: AppConfig
  files: SourceFile[]
  template: TemplateEntry[]
}

/**
 * Reads the app from a checkout: diveops.yml (`configFile`, or all defaults when that is missing
 * and was not asked for), the compose file, and those files beside it that git tracks. `overrides`
 * are inputs that win over the file.
 */
export async function readSource(
  folder: string,
  configFile: string | undefined,
  overrides: { path?: string | undefined } = {}
): Promise<Source> {
  const config = await readConfig(folder, configFile)
  if (overrides.path !== undefined) config.path = overrides.path
  const composeText = await readText(folder, config.compose)
  if (composeText === undefined) {
    throw new UserError(
      `compose file '${config.compose}' is not in the checkout; ${await composeAdvice(folder)}`
    )
  }
  const listed = config.files
  const referenced = referencedPaths(composeText, config.compose)
  const wanted = [...(listed ?? referenced), ...proxyFiles(config)]
  const tracked = await trackedFiles(folder, [config.compose, ...wanted])
  refuseUntracked(config, listed ?? [], tracked)
  const chosen = wanted.flatMap(name => {
    const under = tracked.filter(file => file === name || file.startsWith(`${name}/`))
    return listed === undefined && isPlaceholder(under) ? [] : under
  })
  const names = [...new Set([config.compose, ...chosen])].filter(
    name => name !== '.env' && !name.startsWith('certs/')
  )
  const template = await readText(folder, config.env.template)
  return {
    config,
    files: await Promise.all(names.map(name => readSourceFile(folder, name))),
    template: template === undefined ? [] : parseTemplate(template, config.env.template)
  }
}

/** Reads diveops.yml of a checkout; all defaults when it is missing and was not asked for. */
export async function readConfig(
  folder: string,
  configFile: string | undefined
): Promise<AppConfig> {
  const name = configFile ?? 'diveops.yml'
  const text = await readText(folder, name)
  if (text === undefined && configFile !== undefined) {
    throw new UserError(`input 'config': file '${configFile}' is not in the checkout`)
  }
  return parseConfig(text ?? '', name)
}

async function readText(folder: string, name: string): Promise<string | undefined> {
  try {
    return await readFile(path.join(folder, name), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new UserError(`file '${name}' cannot be read: ${(error as Error).message}`)
  }
}

/** What to do when the compose file is missing: name one of those that are there, if there are. */
async function composeAdvice(folder: string): Promise<string> {
  const names = (await readdir(folder).catch(() => []))
    .filter(name => /^(docker-)?compose([.-].+)?\.ya?ml$/.test(name))
    .sort()
  return names.length === 0
    ? "set 'compose' in diveops.yml, or check that actions/checkout ran before this step"
    : `it has ${list(names)}: name the server's as 'compose' in diveops.yml`
}

function proxyFiles({ proxy }: AppConfig): string[] {
  const { http } = proxy
  return [http, ...pairsOf(proxy).flatMap(pair => [pair.http, pair.https])].flatMap(
    name => name ?? []
  )
}

async function trackedFiles(folder: string, names: readonly string[]): Promise<string[]> {
  try {
    const { stdout } = await exec('git', ['-C', folder, 'ls-files', '-z', '--', ...names], {
      maxBuffer: 64 * 1024 * 1024
    })
    return stdout.split('\0').filter(Boolean)
  } catch (error) {
    throw new UserError(
      `the working directory is not a git checkout (only files that git tracks go to the host): ${
        (error as { stderr?: string }).stderr?.trim().split('\n')[0] ?? (error as Error).message
      }; run actions/checkout before this step`
    )
  }
}

function refuseUntracked(config: AppConfig, listed: readonly string[], tracked: readonly string[]) {
  const required = [config.compose, ...proxyFiles(config), ...listed]
  const missing = required.filter(
    name => !tracked.some(file => file === name || file.startsWith(`${name}/`))
  )
  if (missing.length > 0) {
    throw new UserError(
      `${list(missing)} not tracked by git in this checkout; only tracked files go to the host: ` +
        'commit it, or correct the name in diveops.yml'
    )
  }
}

async function readSourceFile(folder: string, name: string): Promise<SourceFile> {
  const file = path.join(folder, name)
  const [content, { mode }] = await Promise.all([readFile(file), stat(file)])
  return { path: name, content, executable: (mode & 0o100) !== 0 }
}
