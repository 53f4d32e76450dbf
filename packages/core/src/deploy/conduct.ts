import { Cancelled, errorMessage, UserError } from '../base/errors.ts'
import { SteadyHost } from '../ssh/steady.ts'
import { findingsAfter } from './aftermath.ts'
import type { Outcome, RunRequest, Seams } from './outcome.ts'
import { noPlan } from './plan.ts'
import { Run } from './run.ts'
import { Timeline } from './step.ts'

/** How long a host may be out of reach after a connection broke: a reboot takes a minute or two. */
const PATIENCE_MS = 300_000

/**
 * Connects, lets `body` work on the host and reports how it ended. Never throws: a failure comes
 * back as `error` beside the state in which the host is.
 */
export async function conduct(
  action: string,
  request: RunRequest,
  seams: Seams,
  body: (run: Run) => Promise<void>
): Promise<Outcome> {
  const timeline = new Timeline(seams.clock)
  const outcome: Outcome = {
    state: 'untouched',
    release: undefined,
    previous: undefined,
    image: undefined,
    commit: undefined,
    url: undefined,
    plan: noPlan(),
    steps: timeline.steps,
    findings: [],
    error: undefined
  }
  let run: Run | undefined
  try {
    timeline.begin('connect')
    seams.cancel?.throwIfAborted()
    const { connect, clock, log, patienceMs = PATIENCE_MS } = seams
    const host = new SteadyHost(await connect(), { connect, clock, log, patienceMs })
    run = new Run(action, request, seams, host, timeline, outcome)
    await body(run)
  } catch (error) {
    timeline.fail()
    const more = run?.goesOn === undefined ? [] : [run.goesOn]
    outcome.error =
      more.length === 0 && error instanceof Error
        ? error
        : new UserError([errorMessage(error), ...more].join('; '), [], { cause: error })
    // Who has no lock has done nothing, and was told why.
    if (run && timeline.current !== 'lock') {
      outcome.findings = await findingsAfter(outcome.error, run, seams)
    }
  } finally {
    if (seams.cancel?.aborted) outcome.error ??= new Cancelled('the run was cancelled, too late')
    timeline.end()
    seams.log.endStep(outcome.error !== undefined)
    await run?.close()
  }
  return outcome
}
