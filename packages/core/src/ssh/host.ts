import { errorMessage, UserError } from '../base/errors.ts'

/** What a script on the host left: its exit code and its output, decoded as UTF-8. */
export interface Result {
  code: number
  stdout: string
  stderr: string
}

export interface RunOptions {
  /** Sent to the script's standard input; without it the script reads end of file at once. */
  stdin?: string | Buffer
  /** Called for each line of output as soon as it is complete. */
  onLine?: (line: string, stream: 'stdout' | 'stderr') => void
  /** What the script does by then, in two or three words: named when the connection ends meanwhile. */
  what?: string | (() => string)
  /** Aborted: the script's process group gets HUP, two seconds later KILL; then `run` rejects. */
  signal?: AbortSignal
}

/**
 * A host as the rest of the core sees it: something that runs POSIX shell scripts, one after the
 * other. Each `run` costs one round trip; a script's variables, directory and traps end with it.
 * Every script finds in `$SCRATCH` a directory of this connection alone, 0700, that is removed
 * when the connection ends, also when it breaks. Scripts are no place for secrets (other users see
 * arguments of processes): those go to standard input.
 */
export interface Host {
  /** `user@name:port`, for messages. */
  readonly name: string
  /**
   * Runs a script and resolves with its exit code, whatever it is. Rejects with `ConnectionLost`
   * when the connection ends first: what the script did is then unknown until it is read. Its
   * process group gets HUP then, a writer SIGPIPE at once, and two seconds later KILL; what shall
   * live on needs `setsid` and its output redirected, or it writes into later runs.
   */
  run(script: string, options?: RunOptions): Promise<Result>
  /** Ends the connection; the host removes the scratch directory. */
  close(): Promise<void>
}

/** The connection ended while something ran; the state of the host is unknown until it is read. */
export class ConnectionLost extends Error {
  override name = 'ConnectionLost'
}

/** A script on the host that should have succeeded and did not. */
export class RemoteError extends UserError {
  override name = 'RemoteError'
  readonly result: Result

  constructor(what: string, host: string, result: Result) {
    const last = errorMessage(result.stderr || result.stdout)
      .split(' · ')
      .at(-1)
    super(`${what} failed on ${host} with exit code ${result.code}${last ? `: ${last}` : ''}`)
    this.result = result
  }
}

/** Runs a script that must succeed; otherwise a `RemoteError` that says what was tried. */
export async function mustRun(
  host: Host,
  what: string,
  script: string,
  options?: RunOptions
): Promise<Result> {
  const result = await host.run(script, { what, ...options })
  if (result.code !== 0) throw new RemoteError(what, host.name, result)
  return result
}
