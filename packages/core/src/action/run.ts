import * as core from '@actions/core'
import { errorMessage, UserError } from '../base/errors.ts'
import { Secrets } from '../base/secrets.ts'
import { annotate } from './annotate.ts'
import { actionLog } from './log.ts'

/** What an action's main function gets: the secrets of the run and the log that hides them. */
export interface Context {
  secrets: Secrets
  log: ReturnType<typeof actionLog>
}

/**
 * Runs an action and is the only place that fails it: a `UserError` is one line and its details,
 * anything else also shows its stack when the step is debugged.
 */
export async function runAction(main: (context: Context) => Promise<void>): Promise<void> {
  const secrets = new Secrets(secret => core.setSecret(secret))
  const log = actionLog(secrets)
  try {
    await main({ secrets, log })
  } catch (error) {
    if (error instanceof UserError) for (const line of error.details) log.info(line)
    else if (error instanceof Error) log.debug(error.stack ?? '')
    fail(secrets.redact(errorMessage(error)), error)
  }
}

/** Fails the step; a mistake in a file of the checkout is shown beside its line. */
function fail(message: string, error: unknown): void {
  if (error instanceof UserError && error.place) {
    process.exitCode = 1
    annotate({ title: 'DiveOps', message, ...error.place })
  } else core.setFailed(message)
}
