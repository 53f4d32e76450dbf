import { exec } from '@actions/exec'
import { UserError } from '../base/errors.ts'

/** What a command on this machine left. */
export interface LocalResult {
  code: number
  stdout: string
  stderr: string
}

export interface LocalOptions {
  /** Added to this process's environment. */
  env?: Record<string, string>
  /** The folder in which it starts; this process's when absent. */
  cwd?: string
  /** Sent to the command's standard input, which it must read: @actions/exec dies of EPIPE. */
  stdin?: string
  /** Called for each line of either stream as soon as it is complete. */
  onLine?: (line: string) => void
}

/** Runs a program on this machine, where the action runs, and resolves whatever its exit code is. */
export type Local = (words: readonly string[], options?: LocalOptions) => Promise<LocalResult>

/** Runs programs through @actions/exec; a program that is not there is a `UserError`. */
export const runLocal: Local = async (words, { env = {}, cwd, stdin, onLine } = {}) => {
  const [program = '', ...rest] = words
  const result: LocalResult = { code: 0, stdout: '', stderr: '' }
  try {
    result.code = await exec(program, rest, {
      silent: true,
      ignoreReturnCode: true,
      env: { ...(process.env as Record<string, string>), ...env },
      ...(cwd !== undefined && { cwd }),
      ...(stdin !== undefined && { input: Buffer.from(stdin) }),
      listeners: {
        stdout: data => {
          result.stdout += data.toString()
        },
        stderr: data => {
          result.stderr += data.toString()
        },
        ...(onLine && { stdline: onLine, errline: onLine })
      }
    })
    return result
  } catch (error) {
    if (String(error).includes('Unable to locate executable')) {
      throw new UserError(`'${program}' is not installed on this runner`)
    }
    throw error
  }
}
