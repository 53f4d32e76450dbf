import type { Context } from '@diveops/core/action/run'
import { readConfig } from '@diveops/core/app/source'
import { systemClock } from '@diveops/core/base/time'
import { report, runOf } from '@diveops/core/deploy/report'
import { rollback } from '@diveops/core/deploy/rollback'
import { examineAfter } from '@diveops/core/doctor/examine'
import { connect } from '@diveops/core/ssh/connect'
import { read } from './inputs.ts'

/** Makes a kept release live again; fails when it does not serve afterwards. */
export async function main(context: Context, env = process.env): Promise<void> {
  const { secrets, log } = context
  const { host, release, login, strategy, lockTimeoutMs } = read(secrets)
  const folder = env.GITHUB_WORKSPACE ?? process.cwd()
  const config = await readConfig(folder, host.config)
  const path = host.path ?? config.path
  const outcome = await rollback(
    { path, release, login, strategy, lockTimeoutMs, run: runOf(env) },
    {
      connect: () => connect(host, { log, secrets }),
      clock: systemClock,
      log,
      examine: examineAfter({ ...config, path })
    }
  )
  await report(outcome, 'Rollback', host.host, context)
}
