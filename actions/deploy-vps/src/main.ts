import type { Context } from '@diveops/core/action/run'
import { readSource } from '@diveops/core/app/source'
import { isSecretName } from '@diveops/core/base/secrets'
import { systemClock } from '@diveops/core/base/time'
import { deploy } from '@diveops/core/deploy/deploy'
import { report, runOf } from '@diveops/core/deploy/report'
import { examineAfter } from '@diveops/core/doctor/examine'
import { connect } from '@diveops/core/ssh/connect'
import { read } from './inputs.ts'

/** Deploys the image to the host; fails when the new release is not live afterwards. */
export async function main(context: Context, env = process.env): Promise<void> {
  const { secrets, log } = context
  const { host, image, login, planOnly, strategy, lockTimeoutMs, ...inputs } = read(secrets)
  for (const [name, value] of inputs.env) if (isSecretName(name)) secrets.add(value)
  const folder = env.GITHUB_WORKSPACE ?? process.cwd()
  const source = await readSource(folder, host.config, { path: host.path })
  if (inputs.healthTimeoutMs !== undefined) source.config.health.timeoutMs = inputs.healthTimeoutMs
  const outcome = await deploy(
    {
      source,
      image,
      repository: env.GITHUB_REPOSITORY,
      given: inputs.env,
      login,
      planOnly,
      strategy,
      lockTimeoutMs,
      run: runOf(env)
    },
    {
      connect: () => connect(host, { log, secrets }),
      clock: systemClock,
      log,
      examine: examineAfter(source.config)
    }
  )
  await report(outcome, 'Deploy', host.host, context)
}
