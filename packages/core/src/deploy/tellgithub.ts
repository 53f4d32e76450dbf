import { keepComment } from '../action/comment.ts'
import { Deployment, type DeploymentEnd } from '../action/deployment.ts'
import type { Event } from '../action/event.ts'
import type { GitHub } from '../action/github.ts'
import { cell } from '../action/summary.ts'
import { errorMessage } from '../base/errors.ts'
import type { Secrets } from '../base/secrets.ts'
import type { Outcome, RunRequest } from './outcome.ts'
import { planMarkdown } from './plantext.ts'
import { describe } from './report.ts'

/** Where a run is told, beside its own log and summary. */
export interface Told {
  github: GitHub
  environment: string
  run: RunRequest['run']
}

/**
 * Records a run as a deployment from now on; undefined when there is no commit to record. One that is
 * cancelled, and does not end in time, ends there as an error.
 */
export function beginDeployment(
  { github, environment, run }: Told,
  ref: string | undefined,
  description: string,
  cancel?: AbortSignal
): Deployment | undefined {
  if (ref === undefined) return undefined
  return new Deployment(github, { environment, ref, description, logUrl: run.url }, cancel)
}

const ENDS: Record<Outcome['state'], DeploymentEnd['state']> = {
  live: 'success',
  unchanged: 'success',
  planned: 'success',
  restored: 'failure',
  untouched: 'failure',
  unknown: 'error'
}

/**
 * Says on the environment's page how a run ended: a release that is live is a success, also when it was
 * so already, or when somebody cancelled the run too late.
 */
export async function endDeployment(
  deployment: Deployment | undefined,
  { state, url }: Outcome
): Promise<void> {
  await deployment?.end({ state: ENDS[state], description: describe(state), url })
}

/** Keeps one comment under the pull request with the plan, or with the reason why there is none. */
export async function commentPlan(
  { github, environment, run }: Told,
  { pull, commit }: Event,
  { plan, error }: Outcome,
  secrets: Secrets
): Promise<void> {
  if (pull === undefined) return
  const safe = (text: string) => cell(secrets.redact(text))
  const what = error
    ? [`> ❌ ${safe(errorMessage(error))}`]
    : [planMarkdown(plan, secrets), 'Nothing was changed; this is what a deploy would do now.']
  const of = commit === undefined ? '' : ` of ${commit.slice(0, 7)}`
  const text = [
    `### Plan${of} for ${safe(environment)}${error ? ' failed' : ''}`,
    ...what,
    ...(run.url === undefined ? [] : [`[The run](${run.url}) has the details.`])
  ].join('\n\n')
  await keepComment(github, pull.number, `plan for ${environment}`, text)
}
