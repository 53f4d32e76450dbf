import { spawn } from 'node:child_process'

/** How a program ended and how long it took, from its start to the end of its output. */
export interface Timed {
  /** Null when a signal ended it. */
  code: number | null
  /** Both streams as they came. */
  output: string
  ms: number
}

/** What a program gets. */
export interface TimedOptions {
  stdin?: string | undefined
  cwd?: string
  /** Its whole environment; that of this process when absent. */
  env?: NodeJS.ProcessEnv
  /** Called with each piece of output as it comes, both streams. */
  onOutput?: ((text: string) => void) | undefined
  signal: AbortSignal
}

/** Runs a program and takes its time; rejects when it cannot be started or is cancelled. */
export function timed(
  program: string,
  words: readonly string[],
  { stdin, cwd, env, onOutput, signal }: TimedOptions
): Promise<Timed> {
  return new Promise((resolve, reject) => {
    const began = performance.now()
    const child = spawn(program, words, {
      stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      signal,
      ...(cwd !== undefined && { cwd }),
      ...(env && { env })
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text
        onOutput?.(text)
      })
    }
    child.on('error', reject)
    child.on('close', code => resolve({ code, output, ms: performance.now() - began }))
    // A program may end without reading all of its input; its exit code says whether that was well.
    child.stdin?.on('error', () => {}).end(stdin)
  })
}
