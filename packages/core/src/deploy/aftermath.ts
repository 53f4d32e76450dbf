import { errorMessage } from '../base/errors.ts'
import type { Connection } from '../ssh/connect.ts'
import { ConnectionLost } from '../ssh/host.ts'
import type { Seams } from './outcome.ts'
import { Refusal } from './preflight.ts'
import { isRed, type Row } from './row.ts'

/** Longer than this a failed run does not look for what else is wrong. */
const PATIENCE_MS = 30_000

/**
 * What is wrong on the host after a run failed: the red rows, in one round trip. Empty when the
 * preflight said it already, or when the host cannot be asked; never throws.
 */
export async function findingsAfter(
  error: Error,
  host: Connection,
  { examine, log }: Seams
): Promise<Row[]> {
  if (!examine || error instanceof Refusal || error instanceof ConnectionLost) return []
  try {
    const rows = await examine(host, AbortSignal.timeout(PATIENCE_MS))
    return rows.filter(isRed)
  } catch (thrown) {
    log.debug(`the host could not be examined: ${errorMessage(thrown)}`)
    return []
  }
}
