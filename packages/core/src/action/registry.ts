import type { Secrets } from '../base/secrets.ts'
import { optional, secret } from './inputs.ts'

/** A login to the registry of the deployed image, for one run. */
export interface RegistryLogin {
  user: string
  token: string
}

/** Names of the inputs that are read here, as in action.yml. */
export const REGISTRY_INPUTS = ['registry-user', 'registry-token'] as const

/** The login that the inputs give, if any; every form of the token is a secret from then on. */
export function readRegistryLogin(secrets: Secrets, env = process.env): RegistryLogin | undefined {
  const token = secret('registry-token')?.trim()
  if (token === undefined) return undefined
  const user = optional('registry-user') ?? env.GITHUB_ACTOR ?? 'token'
  secrets.add(token)
  secrets.add(Buffer.from(`${user}:${token}`).toString('base64'))
  return { user, token }
}
