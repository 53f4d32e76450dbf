import { setOutputs } from '../action/outputs.ts'
import type { Context } from '../action/run.ts'
import { appendSummary, markdownTable } from '../action/summary.ts'
import { UserError } from '../base/errors.ts'
import type { Secrets } from '../base/secrets.ts'
import { formatDuration } from '../base/time.ts'
import { findingLines, findingsMarkdown } from './findings.ts'
import type { Outcome, RunRequest, State } from './outcome.ts'
import { planMarkdown } from './plantext.ts'
import { opening, timeline } from './runsummary.ts'

const WORDS: Record<State, string> = {
  live: 'live: the release serves',
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

/** The job summary: why it failed, what was deployed, the state, the plan, the steps in time. */
function summary(outcome: Outcome, title: string, host: string, secrets: Secrets): string {
  const { state, release, previous, image, plan, steps, findings, error } = outcome
  const total = steps.reduce((sum, { ms }) => sum + ms, 0)
  const facts = [
    ['State', WORDS[state]],
    ['Image', image ?? 'not resolved'],
    ['Release', release ?? 'none'],
    ['Previous release', previous ?? 'none'],
    ['Time', formatDuration(total)]
  ]
  return [
    ...opening(title, host, error, secrets),
    markdownTable({ head: ['', ''], rows: facts }),
    planMarkdown(plan, secrets),
    ...timeline(steps),
    ...findingsMarkdown(findings)
  ].join('\n\n')
}

/**
 * Tells GitHub how a run on a host ended: outputs and job summary, also of a failed one, whose error
 * is then thrown with the state in which the host is.
 */
export async function report(
  outcome: Outcome,
  title: string,
  host: string,
  { secrets, log }: Context
): Promise<void> {
  const { release, previous, state, plan, image, url, steps, findings, error } = outcome
  setOutputs({
    release,
    'previous-release': previous,
    state,
    changed: state === 'live' || state === 'restored' || state === 'unknown',
    plan: JSON.stringify(plan),
    image,
    url
  })
  await appendSummary(secrets.redact(summary(outcome, title, host, secrets)))
  log.info(steps.map(({ name, ms }) => `${name} ${formatDuration(ms)}`).join(' · '))
  if (!error) return log.info(describe(state))
  const details = error instanceof UserError ? error.details : []
  const lines = [...details, ...findingLines(findings)]
  throw new UserError(`${error.message} [${describe(state)}]`, lines, { cause: error })
}

/** Runs what comes before a host is touched; a failure of it sets the outputs that say so. */
export async function beforehand<T>(body: () => T | Promise<T>): Promise<T> {
  try {
    return await body()
  } catch (error) {
    setOutputs({ state: 'untouched', changed: false })
    throw error
  }
}

/** Who runs this, as the runner's variables say. */
export function runOf(env: NodeJS.ProcessEnv): RunRequest['run'] {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run } = env
  const url =
    server && repository && run ? `${server}/${repository}/actions/runs/${run}` : undefined
  return { url, actor: env.GITHUB_ACTOR, commit: env.GITHUB_SHA }
}
