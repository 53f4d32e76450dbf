import type { Secrets } from '../base/secrets.ts'
import { badInput, optional, secret } from './inputs.ts'

/** The inputs of what a run tells GitHub. */
export interface GitHubInputs {
  /** Without it GitHub is told nothing. */
  token: string | undefined
  environment: string
}

/** Names of the inputs that are read here, as in action.yml. */
export const GITHUB_INPUTS = ['github-token', 'environment'] as const

/** Reads them; the token is a secret from then on. */
export function readGitHubInputs(secrets: Secrets): GitHubInputs {
  const token = secret('github-token')?.trim()
  secrets.add(token)
  const environment = optional('environment') ?? 'production'
  if (/\p{Cc}/u.test(environment) || environment.length > 255) {
    throw badInput('environment', environment, "the name of an environment, such as 'production'")
  }
  return { token, environment }
}
