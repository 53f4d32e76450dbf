import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { node24, readMetadata, root } from '@diveops/build'

/** What a step left: its exit code, its files' contents and everything it printed. */
export interface Outcome {
  code: number | null
  outputs: Record<string, string>
  state: Record<string, string>
  summary: string
  log: string
}

export interface Options {
  /** Arguments of the program, as a composite action gives to its own. */
  words?: readonly string[]
  /** Added to the few variables that a runner always sets; undefined removes one. */
  env?: Record<string, string | undefined>
  /** The state that the main step left: with it the post step runs. */
  state?: Record<string, string>
  /** Aborting it cancels the step as a runner does: SIGINT, after 7.5 s SIGTERM. */
  cancel?: AbortSignal
  /** Aborting it kills the step at once, as a runner that dies. */
  kill?: AbortSignal
  /** The folder whose index.js runs; dist/<name> when absent. */
  dist?: string
  /** Files of the checkout, by their names in it. */
  files?: Record<string, string>
  /** Called for each piece of output, to cancel at the right moment. */
  onOutput?: (text: string) => void
}

/**
 * Runs a bundle as a runner does: inputs as variables (with action.yml's defaults), files for
 * output, state and summary, and nothing else of this process's environment but PATH and HOME.
 */
export async function runAction(
  name: string,
  inputs: Record<string, string>,
  options: Options = {}
): Promise<Outcome> {
  const folder = await mkdtemp(path.join(tmpdir(), 'diveops-action-'))
  try {
    const files = await commandFiles(folder)
    for (const [name, text] of Object.entries(options.files ?? {})) {
      await writeFile(path.join(folder, 'workspace', name), text)
    }
    const env = definedOnly({
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      CI: 'true',
      GITHUB_ACTIONS: 'true',
      GITHUB_WORKSPACE: path.join(folder, 'workspace'),
      RUNNER_TEMP: path.join(folder, 'temp'),
      ...files,
      ...(await inputVariables(name, inputs)),
      ...prefixed('STATE_', options.state ?? {}),
      ...options.env
    })
    const bundle = path.join(options.dist ?? path.join(root, 'dist', name), 'index.js')
    const { code, log } = await execute(bundle, env, options)
    return {
      code,
      log,
      outputs: parseCommandFile(await readFile(files.GITHUB_OUTPUT, 'utf8')),
      state: parseCommandFile(await readFile(files.GITHUB_STATE, 'utf8')),
      summary: await readFile(files.GITHUB_STEP_SUMMARY, 'utf8')
    }
  } finally {
    // What a killed step has started may still write there.
    await rm(folder, { recursive: true, force: true, maxRetries: 10 })
  }
}

/** What a step printed, as the reason why a test fails: without the many lines that only hide values. */
export function unexpected({ log }: Outcome): Error {
  const lines = log.split('\n').filter(line => !line.startsWith('::add-mask::'))
  return new Error(lines.join('\n'))
}

async function commandFiles(folder: string) {
  for (const name of ['temp', 'workspace']) await mkdir(path.join(folder, name))
  const file = (name: string) => path.join(folder, name)
  const files = {
    GITHUB_OUTPUT: file('output'),
    GITHUB_STATE: file('state'),
    GITHUB_ENV: file('env'),
    GITHUB_PATH: file('path'),
    GITHUB_STEP_SUMMARY: file('summary')
  }
  for (const name of Object.values(files)) await writeFile(name, '')
  return files
}

/** Inputs as a runner hands them over, with the defaults of action.yml. */
export async function inputVariables(name: string, inputs: Record<string, string>) {
  const { inputs: known = {} } = await readMetadata(name)
  const defaults = Object.entries(known).map(([key, { default: value = '' }]) => [key, value])
  const all: Record<string, string> = { ...Object.fromEntries(defaults), ...inputs }
  return Object.fromEntries(
    Object.entries(all).map(([key, value]) => [`INPUT_${key.toUpperCase()}`, value])
  )
}

function prefixed(prefix: string, values: Record<string, string>) {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [prefix + key, value]))
}

function definedOnly(values: Record<string, string | undefined>): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
}

function execute(
  bundle: string,
  env: NodeJS.ProcessEnv,
  { words = [], cancel, kill, onOutput }: Options
) {
  return new Promise<{ code: number | null; log: string }>((resolve, reject) => {
    const child = spawn(node24(), [bundle, ...words], {
      // As a runner does it: the step starts in the checkout.
      cwd: env.GITHUB_WORKSPACE,
      env,
      stdio: ['ignore', 'pipe', 'pipe']
    })
    let log = ''
    let force: NodeJS.Timeout | undefined
    const take = (data: Buffer) => {
      log += data.toString()
      onOutput?.(data.toString())
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    cancel?.addEventListener('abort', () => {
      child.kill('SIGINT')
      force = setTimeout(() => child.kill('SIGTERM'), 7500)
    })
    kill?.addEventListener('abort', () => child.kill('SIGKILL'))
    child.on('error', reject)
    child.on('close', code => {
      clearTimeout(force)
      resolve({ code, log })
    })
  })
}

/** Reads a file of the runner's `name<<delimiter` blocks and `name=value` lines. */
export function parseCommandFile(text: string): Record<string, string> {
  const values: Record<string, string> = {}
  const lines = text.split('\n')
  while (lines.length > 0) {
    const line = lines.shift() as string
    const block = /^(.+?)<<(.+?)\r?$/.exec(line)
    if (block) {
      const end = lines.findIndex(candidate => candidate.trimEnd() === block[2])
      values[block[1] as string] = lines
        .splice(0, end + 1)
        .slice(0, -1)
        .join('\n')
    } else if (line.includes('=')) {
      values[line.slice(0, line.indexOf('='))] = line.slice(line.indexOf('=') + 1)
    }
  }
  return values
}
