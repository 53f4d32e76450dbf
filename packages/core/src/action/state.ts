import * as core from '@actions/core'

/** Keeps a value for the post step, which runs whatever becomes of this one. */
export function saveState(name: string, value: string): void {
  core.saveState(name, value)
}

/** A value that the main step kept; undefined when there is none. */
export function readState(name: string): string | undefined {
  return core.getState(name) || undefined
}
