import type { Context } from '@diveops/core/action/run'
import { readConfig } from '@diveops/core/app/source'
import { systemClock } from '@diveops/core/base/time'
import { examine } from '@diveops/core/doctor/examine'
import { reportRows } from '@diveops/core/doctor/report'
import { connect } from '@diveops/core/ssh/connect'
import { read } from './inputs.ts'

/** Looks at the server and says what is wrong; fails as the input `fail-on` says. */
export async function main(context: Context, env = process.env): Promise<void> {
  const { secrets, log } = context
  const { host, failOn } = read()
  const folder = env.GITHUB_WORKSPACE ?? process.cwd()
  const config = await readConfig(folder, host.config)
  const connection = await connect(host, { log, secrets })
  try {
    const now = systemClock.now()
    const path = host.path ?? config.path
    const rows = await examine(connection, { config: { ...config, path }, now })
    await reportRows(rows, host.host, failOn, context)
  } finally {
    await connection.close()
  }
}
