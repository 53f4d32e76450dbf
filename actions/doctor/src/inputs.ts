import { HOST_INPUTS, type HostInputs, readHostInputs } from '@diveops/core/action/host'
import { choice, refuseUnknown } from '@diveops/core/action/inputs'
import type { FailOn } from '@diveops/core/doctor/report'

/** What the step was asked for. */
export interface Inputs {
  host: HostInputs
  failOn: FailOn
}

/** The names of all inputs, as in action.yml. */
export const NAMES = [...HOST_INPUTS, 'fail-on'] as const

/** Reads and checks every input. */
export function read(): Inputs {
  refuseUnknown(NAMES)
  return {
    host: readHostInputs(),
    failOn: choice('fail-on', ['error', 'warning', 'never'], 'error')
  }
}
