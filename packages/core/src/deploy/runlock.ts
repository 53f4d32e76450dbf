import type { Connection } from '../ssh/connect.ts'
import { acquireLock, type Lock } from '../ssh/lock.ts'
import type { RunRequest, Seams } from './outcome.ts'

/** Takes the lock that keeps runs on a host apart, and says who holds it meanwhile. */
export function takeLock(
  connection: Connection,
  path: string,
  { run, lockTimeoutMs }: RunRequest,
  { clock, log }: Pick<Seams, 'clock' | 'log'>
): Lock {
  return acquireLock(connection, {
    path,
    holder: {
      run: run.url ?? 'a run outside of GitHub',
      actor: run.actor ?? 'somebody',
      since: new Date(clock.now()).toISOString()
    },
    timeoutMs: lockTimeoutMs,
    onWait: holder => {
      const who = holder ? `${holder.run} by ${holder.actor} since ${holder.since}` : 'another run'
      log.info(`waiting for ${who}`)
    }
  })
}
