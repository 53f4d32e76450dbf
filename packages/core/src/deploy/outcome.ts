import type { RegistryLogin } from '../action/registry.ts'
import type { Source } from '../app/source.ts'
import type { Log } from '../base/log.ts'
import type { Clock } from '../base/time.ts'
import type { Connection } from '../ssh/connect.ts'
import type { Host } from '../ssh/host.ts'
import type { Plan } from './plan.ts'
import type { Row } from './row.ts'
import type { StepTime } from './step.ts'
import type { Strategy } from './tactics.ts'

/** What every run on a host is told. */
export interface RunRequest {
  strategy: Strategy
  /** How long to wait for another run on the same host. */
  lockTimeoutMs: number
  /** Who runs this, for those who wait and for release.json. */
  run: { url?: string | undefined; actor?: string | undefined; commit?: string | undefined }
}

/** What is to be deployed, and how. */
export interface Request extends RunRequest {
  source: Source
  /** name@digest; or only a digest, which goes with the compose file's own image name. */
  image: { name: string; digest: string } | { digest: string }
  /** `owner/name` on GitHub, when known: helps to tell which image of the compose file is ours. */
  repository: string | undefined
  given: readonly (readonly [string, string])[]
  login: RegistryLogin | undefined
  planOnly: boolean
}

/** What the run left behind; see the design for the words. */
export type State = 'live' | 'unchanged' | 'planned' | 'restored' | 'untouched' | 'unknown'

/** The outcome of a deploy, also of one that failed: `error` is then what to tell the user. */
export interface Outcome {
  state: State
  release: string | undefined
  previous: string | undefined
  image: string | undefined
  /** The commit that the release was made of, when that is known. */
  commit: string | undefined
  /** Where the site answers, when diveops.yml names a domain. */
  url: string | undefined
  plan: Plan
  steps: StepTime[]
  /** What is wrong on the host after a failure, as far as could be seen. */
  findings: Row[]
  error: Error | undefined
}

/** The seams of a run. */
export interface Seams {
  connect: () => Promise<Connection>
  clock: Clock
  log: Log
  /** Aborted with a `Cancelled` when the run is to stop. */
  cancel?: AbortSignal | undefined
  /** How long the host may be out of reach after a connection broke; five minutes when undefined. */
  patienceMs?: number
  /** Looks at the host after the failure of a run, by its id; nothing is looked at without it. */
  examine?: (host: Host, signal: AbortSignal, run: string) => Promise<Row[]>
}
