import { onCancel } from '@diveops/core/action/cancel'
import type { Context } from '@diveops/core/action/run'
import { readConfig } from '@diveops/core/app/source'
import { systemClock } from '@diveops/core/base/time'
import { beforehand, runOf } from '@diveops/core/deploy/report'
import { secure } from '@diveops/core/deploy/secure'
import { reportSecured } from '@diveops/core/deploy/securereport'
import { examineAfterSetup } from '@diveops/core/doctor/examine'
import { connect } from '@diveops/core/ssh/connect'
import { read } from './inputs.ts'

/** Puts the live app on HTTPS, or does nothing when it is; fails when it cannot be proven. */
export async function main(context: Context, env = process.env): Promise<void> {
  const { secrets, log } = context
  const { host, ...wanted } = await beforehand(() => read())
  const folder = env.GITHUB_WORKSPACE ?? process.cwd()
  const config = await beforehand(() => readConfig(folder, host.config))
  const path = host.path ?? config.path
  const outcome = await secure(
    { ...wanted, path, strategy: 'roll', run: runOf(env) },
    {
      connect: () => connect(host, { log, secrets }),
      clock: systemClock,
      log,
      cancel: onCancel(),
      examine: examineAfterSetup({ ...config, path })
    }
  )
  await reportSecured(outcome, host.host, context)
}
