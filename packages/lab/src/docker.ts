import { type Result, type RunOptions, run, succeed } from './process.ts'

/** Runs the docker client of this machine and returns how it ended. */
export function tryDocker(words: readonly string[], options?: RunOptions): Promise<Result> {
  return run('docker', words, options)
}

/** Runs the docker client of this machine, which must succeed; returns its output without the last newline. */
export async function docker(words: readonly string[], options?: RunOptions): Promise<string> {
  return (await succeed('docker', words, options)).trimEnd()
}

/** What `docker ... inspect --format` says of a thing, or undefined when there is no such thing. */
export async function inspect(
  kind: 'container' | 'image' | 'network' | 'volume',
  name: string,
  format: string
): Promise<string | undefined> {
  const { code, stdout } = await tryDocker([kind, 'inspect', '--format', format, name])
  return code === 0 ? stdout.trimEnd() : undefined
}
