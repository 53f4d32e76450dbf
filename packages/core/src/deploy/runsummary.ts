import { gantt } from '../action/gantt.ts'
import { cell, folded, markdownTable } from '../action/summary.ts'
import { errorMessage, UserError } from '../base/errors.ts'
import type { Secrets } from '../base/secrets.ts'
import { formatDuration } from '../base/time.ts'
import { phasesOf } from './phases.ts'
import type { StepTime } from './step.ts'

/** The heading of a run's summary and, when it failed, the reason before anything else. */
export function opening(
  title: string,
  host: string,
  error: Error | undefined,
  secrets: Secrets
): string[] {
  if (!error) return [`### ${title}: ${cell(host)}`]
  const details = detailsOf(error).map(line => secrets.redact(line))
  return [
    `### ${title} failed: ${cell(host)}`,
    // Before it is escaped: a secret would not be found afterwards.
    `> ❌ ${cell(secrets.redact(errorMessage(error)))}`,
    ...(details.length > 0 ? [folded('What was said', details)] : [])
  ]
}

/** The steps of a run as a timeline and as a table. */
export function timeline(steps: readonly StepTime[]): string[] {
  const picture = gantt(phasesOf(steps))
  const table = markdownTable({
    head: ['Step', 'Time'],
    rows: steps.map(({ name, ms, failed }) => [failed ? `❌ ${name}` : name, formatDuration(ms)])
  })
  return [...(picture === undefined ? [] : [picture]), table]
}

/** What a failure brought along, also when it was told in the log already. */
function detailsOf(error: Error): readonly string[] {
  if (!(error instanceof UserError)) return []
  if (error.details.length > 0) return error.details
  return error.cause instanceof UserError ? detailsOf(error.cause) : []
}
