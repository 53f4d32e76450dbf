import { cell, markdownTable } from '@diveops/core/action/summary'
import { errorMessage } from '@diveops/core/base/errors'
import { formatDuration } from '@diveops/core/base/time'
import type { Outcome, State } from '@diveops/core/deploy/outcome'

const WORDS: Record<State, string> = {
  live: 'live: the new release serves',
  unchanged: 'unchanged: this release was already live, nothing was restarted',
  planned: 'planned: nothing was changed',
  restored: 'restored: the new release failed, the previous one serves',
  untouched: 'untouched: the run failed before anything live was changed',
  unknown: 'unknown: look at the server'
}

/** The outcome in one sentence. */
export function describe(state: State): string {
  return WORDS[state]
}

/** The job summary: what was deployed, the state, the plan, the steps with their times. */
export function summary(outcome: Outcome, host: string): string {
  const { state, release, previous, image, plan, steps, error } = outcome
  const total = steps.reduce((sum, { ms }) => sum + ms, 0)
  const facts = [
    ['State', WORDS[state]],
    ['Image', image ?? 'not resolved'],
    ['Release', release ?? 'none'],
    ['Previous release', previous ?? 'none'],
    ['Time', formatDuration(total)]
  ]
  return [
    `### ${error ? 'Deploy failed' : 'Deploy'}: ${cell(host)}`,
    ...(error ? [`> ${cell(errorMessage(error))}`] : []),
    markdownTable({ head: ['', ''], rows: facts }),
    markdownTable({
      head: ['Service', 'What', 'Why'],
      rows: plan.map(({ service, what, why }) => [service, what, why])
    }),
    markdownTable({
      head: ['Step', 'Time'],
      rows: steps.map(({ name, ms }) => [name, formatDuration(ms)])
    })
  ].join('\n\n')
}
