import {
  GITHUB_INPUTS,
  type GitHubInputs,
  readGitHubInputs
} from '@diveops/core/action/githubinputs'
import { HOST_INPUTS, type HostInputs, readHostInputs } from '@diveops/core/action/host'
import {
  badInput,
  choice,
  duration,
  flag,
  optional,
  pairs,
  refuseUnknown,
  secret
} from '@diveops/core/action/inputs'
import {
  REGISTRY_INPUTS,
  type RegistryLogin,
  readRegistryLogin
} from '@diveops/core/action/registry'
import { UserError } from '@diveops/core/base/errors'
import type { Secrets } from '@diveops/core/base/secrets'
import type { Strategy } from '@diveops/core/deploy/tactics'
import { isDigest, nameOf, parseReference, UNBUILT } from '@diveops/core/docker/reference'

/** What the step was asked for. */
export interface Inputs {
  host: HostInputs
  image: { name: string; digest: string } | { digest: string }
  login: RegistryLogin | undefined
  env: [string, string][]
  strategy: Strategy
  planOnly: boolean
  lockTimeoutMs: number
  healthTimeoutMs: number | undefined
  github: GitHubInputs
}

/** The names of all inputs, as in action.yml. */
export const NAMES = [
  ...HOST_INPUTS,
  'image',
  'digest',
  ...REGISTRY_INPUTS,
  'env',
  'strategy',
  'plan-only',
  'lock-timeout',
  'health-timeout',
  ...GITHUB_INPUTS
] as const

/** Reads and checks every input. */
export function read(secrets: Secrets): Inputs {
  refuseUnknown(NAMES)
  const planOnly = flag('plan-only', false)
  return {
    host: readHostInputs(),
    image: readImage(planOnly),
    login: readRegistryLogin(secrets),
    env: pairs('env'),
    strategy: choice('strategy', ['roll', 'recreate'], 'roll'),
    planOnly,
    lockTimeoutMs: duration('lock-timeout') ?? 600_000,
    healthTimeoutMs: duration('health-timeout'),
    github: readGitHubInputs(secrets)
  }
}

/** Whether only a plan is wanted and no key is there to make it with, as in a run of a fork. */
export function lacksKeyForPlan(): boolean {
  return flag('plan-only', false) && secret('ssh-key') === undefined
}

function readImage(planOnly: boolean): Inputs['image'] {
  const image = optional('image')
  const digest = optional('digest')
  if (image !== undefined && digest !== undefined) {
    throw new UserError("inputs 'image' and 'digest' are both set, expected one of them")
  }
  if (digest !== undefined) {
    if (!isDigest(digest)) throw badInput('digest', digest, "'sha256:' and 64 hexadecimal digits")
    return { digest }
  }
  // A pull request's image is built by the deploy that comes after it.
  if (image === undefined && planOnly) return { digest: UNBUILT }
  if (image === undefined) {
    throw new UserError(
      "inputs 'image' and 'digest' are both empty, expected the output 'image' (or 'digest') of " +
        'build-push; between jobs hand over the digest, because the runner drops an output that ' +
        'contains the value of a secret'
    )
  }
  const reference = parseReference(image, "input 'image'")
  if (reference.digest === undefined) {
    throw badInput(
      'image',
      image,
      "name@sha256:... (a tag can move; use the output 'image' of build-push)"
    )
  }
  return { name: nameOf(reference), digest: reference.digest }
}
