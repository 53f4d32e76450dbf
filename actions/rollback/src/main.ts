import { onCancel } from '@diveops/core/action/cancel'
import type { Context } from '@diveops/core/action/run'
import { readConfig } from '@diveops/core/app/source'
import { systemClock } from '@diveops/core/base/time'
import { report, runOf } from '@diveops/core/deploy/report'
import { rollback } from '@diveops/core/deploy/rollback'
import { connect } from '@diveops/core/ssh/connect'
import { read } from './inputs.ts'

/** Makes a kept release live again; fails when it does not serve afterwards. */
export async function main(context: Context, env = process.env): Promise<void> {
  const { secrets, log } = context
  const { host, ...inputs } = read(secrets)
  const folder = env.GITHUB_WORKSPACE ?? process.cwd()
  const path = host.path ?? (await readConfig(folder, host.config)).path
  const outcome = await rollback(
    { path, ...inputs, run: runOf(env) },
    { connect: () => connect(host, { log, secrets }), clock: systemClock, log, cancel: onCancel() }
  )
  await report(outcome, 'Rollback', host.host, context)
}
