import { existsSync } from 'node:fs'
import path from 'node:path'
import { type LocalResult, runLocal } from '@diveops/core/action/local'
import { appendSummary, cell } from '@diveops/core/action/summary'
import { UserError } from '@diveops/core/base/errors'
import type { Log } from '@diveops/core/base/log'
import type { Inputs } from './inputs.ts'

/** A step of the composite action; it fails by throwing. */
export type Step = (inputs: Inputs, log: Log) => Promise<void>

/** Runs a tool of the project's virtual environment in the project's folder, its output shown. */
export async function runTool(
  { directory, venv, requirements }: Inputs,
  log: Log,
  name: string,
  words: readonly string[]
): Promise<LocalResult> {
  const program = path.join(venv, 'bin', name)
  if (!existsSync(program)) throw missing(name, requirements)
  log.info([name, ...words].join(' '))
  return runLocal([program, ...words], {
    cwd: directory,
    env: { PATH: `${path.join(venv, 'bin')}:${process.env.PATH}`, VIRTUAL_ENV: venv },
    onLine: line => log.info(line)
  })
}

/** The complaint about a tool that the project does not require. */
export function missing(name: string, requirements: readonly string[]): UserError {
  return new UserError(`'${name}' is not installed: add a line '${name}' to ${requirements[0]}`)
}

/** Adds a tool's result to the job summary. */
export async function conclude(name: string, result: string): Promise<void> {
  await appendSummary(`- **${name}**: ${cell(result)}`)
}

/** `1 file`, `2 files`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
