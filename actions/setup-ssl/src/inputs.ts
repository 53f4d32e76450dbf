import { HOST_INPUTS, type HostInputs, readHostInputs } from '@diveops/core/action/host'
import { badInput, duration, flag, optional, refuseUnknown } from '@diveops/core/action/inputs'
import { LETS_ENCRYPT, stagingOf } from '@diveops/core/tls/authority'
import { parseDomains, parseEmail } from '@diveops/core/tls/lineages'

/** What the step was asked for. */
export interface Inputs {
  host: HostInputs
  domains: string[]
  email: string | undefined
  stagingOnly: boolean
  directory: string
  stagingDirectory: string | undefined
  lockTimeoutMs: number
}

/** The names of all inputs, as in action.yml. */
export const NAMES = [
  ...HOST_INPUTS,
  'domains',
  'email',
  'staging',
  'acme-directory',
  'acme-staging-directory',
  'lock-timeout'
] as const

/** Reads and checks every input. */
export function read(): Inputs {
  refuseUnknown(NAMES)
  const email = optional('email')
  const directory = address('acme-directory') ?? LETS_ENCRYPT
  const stagingDirectory = address('acme-staging-directory') ?? stagingOf(directory)
  const stagingOnly = flag('staging', false)
  if (stagingOnly && stagingDirectory === undefined) {
    throw badInput(
      'staging',
      'true',
      `'false', or an 'acme-staging-directory' beside the 'acme-directory' ${directory}, whose staging is not known`
    )
  }
  return {
    host: readHostInputs(),
    domains: parseDomains(optional('domains') ?? ''),
    email: email === undefined ? undefined : parseEmail(email),
    stagingOnly,
    directory,
    stagingDirectory,
    lockTimeoutMs: duration('lock-timeout') ?? 600_000
  }
}

function address(name: string): string | undefined {
  const value = optional(name)
  if (value === undefined) return undefined
  if (URL.canParse(value) && new URL(value).protocol === 'https:') return value
  throw badInput(name, value, 'the https address of an ACME directory')
}
