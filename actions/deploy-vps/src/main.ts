import { setOutputs } from '@diveops/core/action/outputs'
import type { Context } from '@diveops/core/action/run'
import { appendSummary } from '@diveops/core/action/summary'
import { readSource } from '@diveops/core/app/source'
import { UserError } from '@diveops/core/base/errors'
import { isSecretName } from '@diveops/core/base/secrets'
import { formatDuration, systemClock } from '@diveops/core/base/time'
import { deploy } from '@diveops/core/deploy/deploy'
import type { Outcome } from '@diveops/core/deploy/outcome'
import { connect } from '@diveops/core/ssh/connect'
import { read } from './inputs.ts'
import { describe, summary } from './summary.ts'

/** Deploys the image to the host; fails when the new release is not live afterwards. */
export async function main({ secrets, log }: Context, env = process.env): Promise<void> {
  const inputs = read()
  const { host, registryToken } = inputs
  const registryUser = inputs.registryUser ?? env.GITHUB_ACTOR ?? 'token'
  secrets.add(registryToken)
  secrets.add(Buffer.from(`${registryUser}:${registryToken}`).toString('base64'))
  for (const [name, value] of inputs.env) if (isSecretName(name)) secrets.add(value)
  const folder = env.GITHUB_WORKSPACE ?? process.cwd()
  const source = await readSource(folder, host.config, { path: host.path })
  if (inputs.healthTimeoutMs !== undefined) source.config.health.timeoutMs = inputs.healthTimeoutMs
  const outcome = await deploy(
    {
      source,
      image: inputs.image,
      repository: env.GITHUB_REPOSITORY,
      given: inputs.env,
      login: registryToken === undefined ? undefined : { user: registryUser, token: registryToken },
      planOnly: inputs.planOnly,
      strategy: inputs.strategy,
      lockTimeoutMs: inputs.lockTimeoutMs,
      run: { url: runUrl(env), actor: env.GITHUB_ACTOR, commit: env.GITHUB_SHA }
    },
    { connect: () => connect(host, { log, secrets }), clock: systemClock, log }
  )
  setOutputs(outputs(outcome))
  await appendSummary(secrets.redact(summary(outcome, host.host)))
  log.info(outcome.steps.map(({ name, ms }) => `${name} ${formatDuration(ms)}`).join(' · '))
  if (!outcome.error) return log.info(describe(outcome.state))
  const { message } = outcome.error
  const details = outcome.error instanceof UserError ? outcome.error.details : []
  throw new UserError(`${message} [${describe(outcome.state)}]`, details, { cause: outcome.error })
}

function outputs({
  state,
  release,
  previous,
  plan,
  image
}: Outcome): Record<string, string | undefined> {
  return {
    release,
    'previous-release': previous,
    state,
    changed: String(state === 'live' || state === 'restored' || state === 'unknown'),
    plan: JSON.stringify(plan),
    image
  }
}

function runUrl(env: NodeJS.ProcessEnv): string | undefined {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run } = env
  return server && repository && run ? `${server}/${repository}/actions/runs/${run}` : undefined
}
