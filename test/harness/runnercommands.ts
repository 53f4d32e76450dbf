/** A command that the runner would obey. */
export interface RunnerCommand {
  name: string
  line: string
}

const KNOWN = [
  'internal-set-repo-path',
  'set-env',
  'set-output',
  'save-state',
  'add-mask',
  'add-path',
  'add-matcher',
  'remove-matcher',
  'warning',
  'error',
  'notice',
  'debug',
  'group',
  'endgroup',
  'echo',
  'stop-commands'
]

/**
 * The commands in what a step printed, found as the runner finds them (ActionCommand.cs): lines end
 * at CR, LF or both; `::name` may follow blanks; `##[name` may stand anywhere.
 */
export function commandsOf(log: string): RunnerCommand[] {
  return log.split(/\r\n|\r|\n/).flatMap(line => {
    const name =
      /^[\s\u0085]*::([^\s:]+)(?: [^:]*)?.*::/.exec(line)?.[1] ??
      /##\[([^\s\]]+)[^\]]*\]/.exec(line)?.[1]
    return name !== undefined && KNOWN.includes(name.toLowerCase()) ? [{ name, line }] : []
  })
}
