import * as core from '@actions/core'

/** Sets the action's outputs; undefined ones are left empty. Call it on failure, too. */
export function setOutputs(outputs: Record<string, string | number | boolean | undefined>): void {
  for (const [name, value] of Object.entries(outputs)) {
    if (value !== undefined) core.setOutput(name, String(value))
  }
}
