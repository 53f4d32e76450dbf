import type { Say } from '@diveops/lab'

/** What each benchmark gets. */
export interface Options {
  /** Rounds; in each, everything that is compared runs once. */
  repeat: number
  say: Say
  /** Aborted when the person has had enough. */
  signal: AbortSignal
}
