import { UserError } from '../base/errors.ts'
import { beginLine, goneLine, type RunIdentity, runOf } from '../release/journal.ts'
import type { LockOptions } from '../ssh/lock.ts'
import type { SteadyHost } from '../ssh/steady.ts'
import type { RunRequest, Seams } from './outcome.ts'

/**
 * Takes the lock that keeps runs on a host apart, says who holds it meanwhile, and lets the journal
 * tell of the run. Job folders go with the lock: whoever gives it back has read them.
 */
export function takeLock(
  host: SteadyHost,
  path: string,
  identity: RunIdentity,
  { lockTimeoutMs }: RunRequest,
  { clock, log }: Pick<Seams, 'clock' | 'log'>
): void {
  const { url, actor } = identity
  const lock: LockOptions = {
    path,
    holder: { run: url, actor, since: new Date(clock.now()).toISOString() },
    timeoutMs: lockTimeoutMs,
    journal: { begin: beginLine(identity, 'begin'), gone: goneLine(identity) },
    onRelease: 'rm -rf .diveops/jobs'
  }
  host.takeLock({
    ...lock,
    onWait: holder => {
      const who = holder ? `${holder.run} by ${holder.actor} since ${holder.since}` : 'another run'
      log.info(`waiting for ${who}`)
    },
    again: {
      ...lock,
      journal: { begin: beginLine(identity, 'again'), gone: goneLine(identity) },
      onWait: () => log.info('waiting until the host has ended the connection that broke')
    },
    onAgain: last => {
      const other = runOf(last)
      if (other === undefined || other.id === identity.id) return
      throw new UserError(
        `${host.name}: while the connection was broken, ${other.url} by ${other.actor} took the lock and ` +
          'put right what this run had begun; how it ended stands there'
      )
    }
  })
}
