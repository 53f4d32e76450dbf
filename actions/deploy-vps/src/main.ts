import { onCancel } from '@diveops/core/action/cancel'
import { type Event, readEvent } from '@diveops/core/action/event'
import { openGitHub } from '@diveops/core/action/github'
import { setOutputs } from '@diveops/core/action/outputs'
import type { Context } from '@diveops/core/action/run'
import { appendSummary } from '@diveops/core/action/summary'
import { readSource } from '@diveops/core/app/source'
import { isSecretName } from '@diveops/core/base/secrets'
import { systemClock } from '@diveops/core/base/time'
import { deploy } from '@diveops/core/deploy/deploy'
import type { Outcome } from '@diveops/core/deploy/outcome'
import { beforehand, report, runOf } from '@diveops/core/deploy/report'
import { beginDeployment, commentPlan, endDeployment } from '@diveops/core/deploy/tellgithub'
import { examineAfter } from '@diveops/core/doctor/examine'
import { connect } from '@diveops/core/ssh/connect'
import { type Inputs, lacksKeyForPlan, read } from './inputs.ts'

/** Deploys the image to the host; fails when the new release is not live afterwards. */
export async function main(context: Context, env = process.env): Promise<void> {
  const event = await readEvent(env)
  const { outsider } = event.pull ?? {}
  if (outsider && lacksKeyForPlan()) return sayWhyNoPlan(outsider, context)
  const inputs = await beforehand(() => read(context.secrets))
  const outcome = await run(inputs, event, context, env)
  await report(outcome, inputs.planOnly ? 'Plan' : 'Deploy', inputs.host.host, context)
}

/** Makes the plan or the deploy, and tells GitHub of it when there is a token. */
async function run(
  { host, github: wanted, healthTimeoutMs, env: given, ...inputs }: Inputs,
  event: Event,
  { secrets, log }: Context,
  env: NodeJS.ProcessEnv
): Promise<Outcome> {
  for (const [name, value] of given) if (isSecretName(name)) secrets.add(value)
  const folder = env.GITHUB_WORKSPACE ?? process.cwd()
  const source = await beforehand(() => readSource(folder, host.config, { path: host.path }))
  if (healthTimeoutMs !== undefined) source.config.health.timeoutMs = healthTimeoutMs
  const request = {
    ...inputs,
    source,
    given,
    repository: env.GITHUB_REPOSITORY,
    run: { ...runOf(env), commit: event.commit }
  }
  const github = openGitHub(wanted.token, event, log)
  const told = github && { github, environment: wanted.environment, run: request.run }
  const cancel = onCancel()
  const deployment =
    told && !inputs.planOnly ? beginDeployment(told, event.commit, 'deploy', cancel) : undefined
  const outcome = await deploy(request, {
    connect: () => connect(host, { log, secrets }),
    clock: systemClock,
    log,
    cancel,
    examine: examineAfter(source.config)
  })
  await endDeployment(deployment, outcome)
  if (told && inputs.planOnly) await commentPlan(told, event, outcome, secrets)
  return outcome
}

async function sayWhyNoPlan(outsider: string, { log }: Context): Promise<void> {
  const why =
    `there is no plan: this pull request comes from ${outsider}, whose runs get no secrets and so no key of ` +
    'the server; a maintainer sees the plan by pushing the commits to a branch of this repository'
  setOutputs({ changed: false })
  await appendSummary(why)
  log.info(why)
}
