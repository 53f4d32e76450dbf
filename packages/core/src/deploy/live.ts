import type { Project } from '../app/compose.ts'
import type { AppConfig } from '../app/config.ts'
import type { Manifest } from '../release/manifest.ts'
import type { Facts } from './facts.ts'
import type { Place } from './library.ts'
import type { RunRequest } from './outcome.ts'

/** Which names are to be on HTTPS, and by whose certificates. */
export interface SecureRequest extends RunRequest {
  /** The app's folder on the host. */
  path: string
  /** All domains of the live release when empty. */
  domains: readonly string[]
  email: string | undefined
  directory: string
  stagingDirectory: string | undefined
  /** Try at the staging and change nothing. */
  stagingOnly: boolean
}

/** What is live on the host. */
export interface Live {
  release: Manifest
  facts: Facts
  project: Project
  config: AppConfig
  place: Place
  proxy: string
}
