import { Cancelled, errorMessage } from '../base/errors.ts'
import { ConnectionLost, type Host } from '../ssh/host.ts'
import type { Seams } from './outcome.ts'
import { Refusal } from './preflight.ts'
import { isRed, type Row } from './row.ts'

/** Longer than this a failed run does not look for what else is wrong. */
const PATIENCE_MS = 30_000

/**
 * What is wrong on the host after a run failed: the red rows, in one round trip. Empty when the
 * preflight said it already, when the host cannot be asked, or when the run was cancelled, which
 * leaves no time for it; never throws.
 */
export async function findingsAfter(
  error: Error,
  { host, id }: { host: Host; id: string },
  { examine, cancel, log }: Seams
): Promise<Row[]> {
  if (!examine || cancel?.aborted || saysEnough(error)) return []
  const patience = AbortSignal.timeout(PATIENCE_MS)
  try {
    const rows = await examine(host, cancel ? AbortSignal.any([patience, cancel]) : patience, id)
    return rows.filter(isRed)
  } catch (thrown) {
    log.debug(`the host could not be examined: ${errorMessage(thrown)}`)
    return []
  }
}

/** Whether the failure, or what it comes from, leaves nothing to look for or nobody to ask. */
function saysEnough(error: unknown): boolean {
  const kinds = [Refusal, ConnectionLost, Cancelled]
  for (let one = error; one !== undefined; one = (one as Error).cause) {
    if (kinds.some(kind => one instanceof kind)) return true
  }
  return false
}
