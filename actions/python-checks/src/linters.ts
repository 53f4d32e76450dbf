import path from 'node:path'
import { annotate, isAnnotation, passOn } from '@diveops/core/action/annotate'
import { UserError } from '@diveops/core/base/errors'
import { changedFiles } from './diff.ts'
import type { Inputs } from './inputs.ts'
import { conclude, count, runTool, type Step } from './tool.ts'

/** Runs ruff, which writes its own annotations. */
export const ruff: Step = async (inputs, log) => {
  const show = { ...log, info: (line: string) => (isAnnotation(line) ? passOn : log.info)(line) }
  const words = ['check', '--output-format=github', '.']
  const { code, stdout, stderr } = await runTool(inputs, show, 'ruff', words)
  const problems = stdout.match(/^::error /gm)?.length ?? 0
  if (code !== 0 && problems === 0) throw await broken('ruff', code, stderr)
  await conclude('ruff', problems === 0 ? 'clean' : count(problems, 'problem'))
  if (problems > 0) throw new UserError(`ruff found ${count(problems, 'problem')}`)
}

/** Runs black without changing anything. */
export const black: Step = async (inputs, log) => {
  const words = ['--check', '--diff', '--quiet', '.']
  const { code, stdout, stderr } = await runTool(inputs, log, 'black', words)
  const unreadable = annotateUnreadable(inputs, stderr)
  await judge(inputs, 'black', code, stdout, stderr, unreadable)
}

/** Runs isort without changing anything. */
export const isort: Step = async (inputs, log) => {
  const { code, stdout, stderr } = await runTool(inputs, log, 'isort', [
    '--check-only',
    '--diff',
    '.'
  ])
  await judge(inputs, 'isort', code, stdout, stderr, 0)
}

async function judge(
  { directory }: Inputs,
  name: string,
  code: number,
  diff: string,
  stderr: string,
  unreadable: number
): Promise<void> {
  const changes = changedFiles(diff)
  for (const { file, line, places } of changes) {
    annotate({
      title: name,
      message: `${name} would change this file in ${count(places, 'place')}: run '${name} .'`,
      file: path.resolve(directory, file),
      line
    })
  }
  const files = changes.length + unreadable
  if (code !== 0 && files === 0) throw await broken(name, code, stderr)
  await conclude(name, code === 0 ? 'clean' : `${count(files, 'file')} to mend`)
  if (code !== 0) throw new UserError(`${name} found ${count(files, 'file')} to mend`)
}

/** Files that black cannot parse have no diff; its releases say so in two ways. */
const UNREADABLE = [
  /^error: cannot format (?<file>.+?): (?<message>.*?(?<line>\d+):\d+: .*)$/gm,
  /^error: (?<message>cannot parse): (?<file>.+?):(?<line>\d+):\d+$/gm
]

function annotateUnreadable({ directory }: Inputs, stderr: string): number {
  const found = UNREADABLE.flatMap(pattern => [...stderr.matchAll(pattern)])
  for (const { groups: { file = '', message = '', line } = {} } of found) {
    const place = { file: path.resolve(directory, file), line: Number(line) }
    annotate({ title: 'black', message, ...place })
  }
  return found.length
}

async function broken(name: string, code: number, stderr: string): Promise<UserError> {
  await conclude(name, 'did not run')
  const lines = stderr.split(/\r?\n/).filter(line => line.trim() !== '')
  return new UserError(`${name} ended with exit code ${code}: ${lines.at(-1) ?? 'no message'}`)
}
