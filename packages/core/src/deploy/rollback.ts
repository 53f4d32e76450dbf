import { UserError } from '../base/errors.ts'
import { didYouMean, list } from '../base/names.ts'
import type { Manifest } from '../release/manifest.ts'
import { conduct } from './conduct.ts'
import { type Facts, releaseProbes } from './facts.ts'
import { type KeptRequest, putKeptLive } from './kept.ts'
import type { Outcome, RunRequest, Seams } from './outcome.ts'
import type { Run } from './run.ts'

/** Which release is to serve again, on which host. */
export interface RollbackRequest extends RunRequest, KeptRequest {
  /** Id of a kept release; the newest one older than the live one when undefined. */
  release: string | undefined
}

/**
 * Makes a kept release live again, by the same roll and the same verification as a deploy. Needs
 * neither a checkout nor, while the image is on the host, the registry. Never throws.
 */
export function rollback(request: RollbackRequest, seams: Seams): Promise<Outcome> {
  return conduct('rollback', request, seams, run => goBack(request, run))
}

async function goBack(request: RollbackRequest, run: Run): Promise<void> {
  run.takeLock(request.path)
  const reading = releaseProbes(request.path)
  const known = reading.read(await run.read('releases', request.path, reading.script))
  await putKeptLive(run, request, chooseRelease(request.release, known, run.host.name))
}

/** The release that a deploy which broke off half-way was to replace. */
function replacedBy({ broken, current }: Known): Manifest | undefined {
  return broken?.action === 'deploy' && broken.release !== current?.id ? current : undefined
}

type Known = Pick<Facts, 'current' | 'releases' | 'broken'>

/**
 * The release to go back to: the one before the live one, or the one that a deploy which broke off
 * half-way was to replace. One line that lists the kept ones when there is no such release.
 */
export function chooseRelease(wanted: string | undefined, known: Known, host: string): Manifest {
  const { current, releases, broken } = known
  const ids = releases.map(({ id }) => id).sort()
  const kept = ids.length === 0 ? 'it keeps none' : `it keeps ${list(ids)}`
  if (wanted !== undefined) {
    const found = releases.find(({ id }) => id === wanted)
    if (!found) {
      throw new UserError(
        `input 'release': '${wanted}' is not on ${host}${didYouMean(wanted, ids)}; ${kept}`
      )
    }
    if (found.id === current?.id && broken === undefined) {
      throw new UserError(`input 'release': '${wanted}' is live already on ${host}; ${kept}`)
    }
    return found
  }
  const replaced = replacedBy(known)
  if (replaced) return replaced
  const older = releases
    .filter(({ id }) => current === undefined || id < current.id)
    .sort((a, b) => b.id.localeCompare(a.id))[0]
  if (older) return older
  throw new UserError(`there is no release before the live one on ${host}; ${kept}`)
}
