/** The last line of a program's output that says something. */
export function lastLine(output: string): string {
  const lines = output.split(/\r?\n/).map(line => line.trim())
  return lines.filter(line => line !== '').at(-1) ?? 'no message'
}

/** Why a build failed, from buildx's output: its own `ERROR:` line. */
export function buildError(output: string): string {
  const errors = output.match(/^ERROR: .+$/gm)
  return (errors?.at(-1) ?? lastLine(output)).replace(/^ERROR: (failed to solve: )?/, '')
}

const REFUSED =
  /denied|unauthorized|authentication required|insufficient_scope|no basic auth|\b40[13]\b/i

/** Whether a registry refused a push, as opposed to a base image that may not be pulled. */
export function isPushRefused(output: string): boolean {
  const error = buildError(output)
  return REFUSED.test(error) && !/source metadata|pull access denied/i.test(error)
}
