import { onCancel } from '@diveops/core/action/cancel'
import { readEvent } from '@diveops/core/action/event'
import { openGitHub } from '@diveops/core/action/github'
import type { Context } from '@diveops/core/action/run'
import { readConfig } from '@diveops/core/app/source'
import { systemClock } from '@diveops/core/base/time'
import { beforehand, report, runOf } from '@diveops/core/deploy/report'
import { rollback } from '@diveops/core/deploy/rollback'
import { beginDeployment, endDeployment } from '@diveops/core/deploy/tellgithub'
import { examineAfter } from '@diveops/core/doctor/examine'
import { connect } from '@diveops/core/ssh/connect'
import { read } from './inputs.ts'

/** Makes a kept release live again; fails when it does not serve afterwards. */
export async function main(context: Context, env = process.env): Promise<void> {
  const { secrets, log } = context
  const { host, github: wanted, ...inputs } = await beforehand(() => read(secrets))
  const folder = env.GITHUB_WORKSPACE ?? process.cwd()
  const config = await beforehand(() => readConfig(folder, host.config))
  const path = host.path ?? config.path
  const run = runOf(env)
  const outcome = await rollback(
    { ...inputs, path, run },
    {
      connect: () => connect(host, { log, secrets }),
      clock: systemClock,
      log,
      cancel: onCancel(),
      examine: examineAfter({ ...config, path })
    }
  )
  const github = openGitHub(wanted.token, await readEvent(env), log)
  if (github) {
    const told = { github, environment: wanted.environment, run }
    // Which commit goes live again only the host knows, so it is recorded afterwards.
    await endDeployment(beginDeployment(told, outcome.commit, 'rollback'), outcome)
  }
  await report(outcome, 'Rollback', host.host, context)
}
