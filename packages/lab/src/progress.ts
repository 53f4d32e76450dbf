import { formatDuration } from '@diveops/core/base/time'

/** Takes a line for the person who waits. */
export type Say = (line: string) => void

/** A phase that is over, with its time in milliseconds. */
export interface Phase {
  title: string
  ms: number
}

/** Says each phase with its time as it ends, and keeps them for a summary. */
export class Progress {
  readonly phases: Phase[] = []
  readonly say: Say

  constructor(say: Say) {
    this.say = say
  }

  async phase<T>(title: string, body: () => Promise<T>): Promise<T> {
    const started = performance.now()
    const result = await body()
    const ms = performance.now() - started
    this.phases.push({ title, ms })
    this.say(`${title}: ${formatDuration(ms)}`)
    return result
  }
}
