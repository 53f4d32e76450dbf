import * as core from '@actions/core'
import { Cancelled } from '../base/errors.ts'

/** A runner kills a cancelled step ten seconds after it said so; before that we go by ourselves. */
const LAST_WORDS_MS = 6500
/** What is told elsewhere by then begins so long after the cancelling: an answer of GitHub's takes a second. */
const LAST_CALLS_MS = 5000

/**
 * A signal that is aborted when the runner cancels the step (SIGINT, then SIGTERM): the run stops
 * starting steps and leaves in order. What is not done after six and a half seconds is left to the host and
 * to the next run.
 */
export function onCancel(): AbortSignal {
  const controller = new AbortController()
  const cancel = () => {
    if (controller.signal.aborted) return
    core.info('cancelled: no further step is started')
    controller.abort(new Cancelled('the run was cancelled'))
    setTimeout(() => {
      core.setFailed(
        'the run was cancelled, and the host did not answer in time; what runs there ends by itself, and the next run finishes or undoes it'
      )
      process.exit(1)
    }, LAST_WORDS_MS).unref()
  }
  process.on('SIGINT', cancel).on('SIGTERM', cancel)
  return controller.signal
}

/** Calls `body` when a cancelled run still goes on shortly before it is ended with the last words. */
export function beforeLastWords(cancel: AbortSignal, body: () => void): void {
  cancel.addEventListener('abort', () => setTimeout(body, LAST_CALLS_MS).unref())
}
