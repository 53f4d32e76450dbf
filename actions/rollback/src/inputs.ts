import {
  GITHUB_INPUTS,
  type GitHubInputs,
  readGitHubInputs
} from '@diveops/core/action/githubinputs'
import { HOST_INPUTS, type HostInputs, readHostInputs } from '@diveops/core/action/host'
import { choice, duration, flag, optional, refuseUnknown } from '@diveops/core/action/inputs'
import {
  REGISTRY_INPUTS,
  type RegistryLogin,
  readRegistryLogin
} from '@diveops/core/action/registry'
import type { Secrets } from '@diveops/core/base/secrets'
import type { Strategy } from '@diveops/core/deploy/tactics'

/** What the step was asked for. */
export interface Inputs {
  host: HostInputs
  release: string | undefined
  acceptNewerSchema: boolean
  login: RegistryLogin | undefined
  strategy: Strategy
  lockTimeoutMs: number
  github: GitHubInputs
}

/** The names of all inputs, as in action.yml. */
export const NAMES = [
  ...HOST_INPUTS,
  'release',
  'accept-newer-schema',
  ...REGISTRY_INPUTS,
  'strategy',
  'lock-timeout',
  ...GITHUB_INPUTS
] as const

/** Reads and checks every input. */
export function read(secrets: Secrets): Inputs {
  refuseUnknown(NAMES)
  return {
    host: readHostInputs(),
    release: optional('release'),
    acceptNewerSchema: flag('accept-newer-schema', false),
    login: readRegistryLogin(secrets),
    strategy: choice('strategy', ['roll', 'recreate'], 'roll'),
    lockTimeoutMs: duration('lock-timeout') ?? 600_000,
    github: readGitHubInputs(secrets)
  }
}
