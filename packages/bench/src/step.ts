import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { node24, readMetadata, root } from '@diveops/build'
import { type Timed, timed } from './timed.ts'

/** A step of a job that uses one of our actions. */
export interface Step {
  action: string
  inputs: Record<string, string>
  /** The checkout in which it runs; an empty folder when absent. */
  workspace?: string
  /** Variables beside those that a runner always sets. */
  env?: Record<string, string>
  onOutput?: ((text: string) => void) | undefined
}

/** What a step left. */
export interface StepResult extends Timed {
  outputs: Record<string, string>
}

/** Runs an action's bundle on Node 24 as a runner does, and takes the time of its process. */
export async function runStep(step: Step, signal: AbortSignal): Promise<StepResult> {
  const folder = await mkdtemp(path.join(tmpdir(), 'diveops-bench-step-'))
  try {
    const file = (name: string) => path.join(folder, name)
    for (const name of ['temp', 'workspace']) await mkdir(file(name))
    const files = ['OUTPUT', 'STATE', 'ENV', 'PATH', 'STEP_SUMMARY']
    for (const name of files) await writeFile(file(name), '')
    const workspace = step.workspace ?? file('workspace')
    const env = {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      CI: 'true',
      GITHUB_ACTIONS: 'true',
      GITHUB_WORKSPACE: workspace,
      RUNNER_TEMP: file('temp'),
      ...Object.fromEntries(files.map(name => [`GITHUB_${name}`, file(name)])),
      ...(await inputVariables(step)),
      ...step.env
    }
    const bundle = path.join(root, 'dist', step.action, 'index.js')
    const result = await timed(node24(), [bundle], {
      cwd: workspace,
      env,
      onOutput: step.onOutput,
      signal
    })
    return { ...result, outputs: parseOutputs(await readFile(file('OUTPUT'), 'utf8')) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function inputVariables({ action, inputs }: Step): Promise<Record<string, string>> {
  const { inputs: known = {} } = await readMetadata(action)
  const defaults = Object.entries(known).map(([name, one]) => [name, one.default ?? ''])
  const all: Record<string, string> = { ...Object.fromEntries(defaults), ...inputs }
  return Object.fromEntries(
    Object.entries(all).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])
  )
}

/** The `name<<delimiter` blocks of a runner's command file. */
function parseOutputs(text: string): Record<string, string> {
  const blocks = text.matchAll(/^(.+?)<<(.+)\n([\s\S]*?)\n?^\2$/gm)
  return Object.fromEntries([...blocks].map(([, name, , value]) => [name, value]))
}
