import { spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { command as shellCommand } from '@diveops/core/base/shell'

/** How a program ended. `code` is 128 + the signal's number when a signal ended it, as in a shell. */
export interface Result {
  code: number
  stdout: string
  stderr: string
}

/** What a program gets and who sees what it prints. */
export interface RunOptions {
  /** Standard input; without it there is none. */
  stdin?: string | Buffer | Readable
  cwd?: string
  env?: Record<string, string>
  /** Called with each piece of output as it comes, both streams. */
  onOutput?: (text: string) => void
  /** Keeps a Ctrl-C at the terminal from the program: whoever runs it ends it in its own way. */
  detached?: boolean
}

const NOT_FOUND = 127
const SIGNALS: Record<string, number> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }

/** Runs a program and returns how it ended, whatever that was; code 127 when there is no such program. */
export function run(
  program: string,
  words: readonly string[],
  options: RunOptions = {}
): Promise<Result> {
  const { stdin, cwd, env, onOutput, detached = false } = options
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, {
      stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      detached,
      ...(cwd === undefined ? {} : { cwd })
    })
    const result: Result = { code: 0, stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (text: string) => {
        result[name] += text
        onOutput?.(text)
      })
    }
    child.on('error', error => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
        resolve({ ...result, code: NOT_FOUND, stderr: `${program}: not found` })
      } else reject(error)
    })
    child.on('close', (code, ended) => {
      resolve({ ...result, code: code ?? 128 + (SIGNALS[ended ?? ''] ?? 0) })
    })
    if (stdin === undefined || !child.stdin) return
    // A program may end without reading all of its input; its exit code says whether that was well.
    child.stdin.on('error', () => {})
    if (typeof stdin === 'string' || Buffer.isBuffer(stdin)) child.stdin.end(stdin)
    else stdin.pipe(child.stdin)
  })
}

/** Runs a program that must succeed and returns its standard output. Its last lines are in the error. */
export async function succeed(
  program: string,
  words: readonly string[],
  options: RunOptions = {}
): Promise<string> {
  const { code, stdout, stderr } = await run(program, words, options)
  if (code === 0) return stdout
  const output = tail(`${stdout}\n${stderr}`, 30)
  throw new Error(`'${shellCommand([program, ...words])}' ended with code ${code}:\n${output}`)
}

/** Runs a program on this terminal: its input, output and signals are ours. Returns its exit code. */
export function attach(program: string, words: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { stdio: 'inherit' })
    child.on('error', reject)
    child.on('close', (code, ended) => resolve(code ?? 128 + (SIGNALS[ended ?? ''] ?? 0)))
  })
}

/** The last lines of a text that are not empty. */
export function tail(text: string, lines: number): string {
  const kept = text.split('\n').filter(line => line.trim() !== '')
  return kept.slice(-lines).join('\n')
}
