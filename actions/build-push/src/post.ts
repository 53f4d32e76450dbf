import { runLocal } from '@diveops/core/action/local'
import type { Context } from '@diveops/core/action/run'
import { readState } from '@diveops/core/action/state'
import { errorMessage } from '@diveops/core/base/errors'
import { removeBuilder } from '@diveops/core/docker/builder'
import { removeConfigFolder } from '@diveops/core/docker/login'

/** Removes what a cancelled or failed main step left behind; never fails the job. */
export async function post({ log }: Context): Promise<void> {
  const folder = readState('config')
  const builder = readState('builder')
  try {
    if (folder) await removeConfigFolder(folder)
    if (builder) await removeBuilder(runLocal, builder)
  } catch (error) {
    log.warning(`cleaning up after the build failed: ${errorMessage(error)}`)
  }
}
