import { appendFile } from 'node:fs/promises'
import type { Seen } from '@diveops/lab'

/**
 * Keeps what visitors saw as a line of JSON in the file that DIVEOPS_FIGURES names, for the figures
 * in the docs; does nothing without it.
 */
export async function keepFigures(what: string, seen: Seen, more: object = {}): Promise<void> {
  const file = process.env.DIVEOPS_FIGURES
  if (!file) return
  const { posted, ...rest } = seen
  const line = JSON.stringify({ what, ...rest, posted: posted.length, ...more })
  await appendFile(file, `${line}\n`)
}
