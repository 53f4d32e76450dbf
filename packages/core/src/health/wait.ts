import { errorMessage, UserError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { type Clock, formatDuration } from '../base/time.ts'
import { type Answer, describeAnswer, differences, type Expectation } from './expectation.ts'
import { NoAnswer } from './trouble.ts'

/** How to wait. Milliseconds. */
export interface Patience {
  timeoutMs: number
  intervalMs: number
  /** How many good answers in a row are enough. */
  consecutive: number
}

/** What was seen until the wait ended, well or not. */
export interface Sighting {
  attempts: number
  /** The last answer; undefined when none ever came. */
  answer: Answer | undefined
  /** From the start to the first of the good answers in a row; undefined when they did not come. */
  readyMs: number | undefined
  /** What was wrong with the last try, empty when nothing was. */
  problems: readonly string[]
}

const TRY_LIMIT_MS = 10_000
const PROGRESS_MS = 5000

/**
 * Asks until the answer is as expected often enough in a row, or the time is over. A try may take
 * ten seconds, and at least one second even when the time is nearly over.
 */
export async function waitFor(
  ask: (timeoutMs: number) => Promise<Answer>,
  expected: Expectation,
  { timeoutMs, intervalMs, consecutive }: Patience,
  { clock, log }: { clock: Clock; log: Log }
): Promise<Sighting> {
  const started = clock.now()
  const left = () => started + timeoutMs - clock.now()
  const seen: Sighting = { attempts: 0, answer: undefined, readyMs: undefined, problems: [] }
  let row = 0
  let rowStarted = 0
  let said = started
  for (;;) {
    seen.attempts += 1
    const limit = Math.min(TRY_LIMIT_MS, Math.max(left(), 1000))
    seen.problems = await attempt(ask, limit, expected, answer => {
      seen.answer = answer
    })
    if (seen.problems.length === 0) {
      if (row === 0) rowStarted = clock.now() - started
      row += 1
      if (row >= consecutive) return { ...seen, readyMs: rowStarted }
    } else row = 0
    if (left() <= intervalMs)
      return { ...seen, problems: complaints(seen.problems, row, consecutive) }
    if (clock.now() - said >= PROGRESS_MS) {
      said = clock.now()
      log.info(progress(said - started, seen, row))
    }
    await clock.sleep(intervalMs)
  }
}

async function attempt(
  ask: (timeoutMs: number) => Promise<Answer>,
  limit: number,
  expected: Expectation,
  keep: (answer: Answer) => void
): Promise<string[]> {
  try {
    const answer = await ask(limit)
    keep(answer)
    return differences(expected, answer)
  } catch (error) {
    if (error instanceof NoAnswer) return [errorMessage(error)]
    throw error
  }
}

function complaints(problems: readonly string[], row: number, consecutive: number) {
  return problems.length > 0 ? problems : [`only ${row} good in a row, expected ${consecutive}`]
}

function progress(elapsed: number, { attempts, problems }: Sighting, row: number): string {
  const state = problems.length > 0 ? problems.join('; ') : `${row} good in a row`
  return `after ${formatDuration(elapsed)}, ${tries(attempts)}: ${state}`
}

function tries(count: number): string {
  return count === 1 ? '1 try' : `${count} tries`
}

/** The error of a wait that ended without the expected answer; the last answer is in its details. */
export function notAsExpected(name: string, seen: Sighting, { timeoutMs }: Patience): UserError {
  return new UserError(
    `${name} did not answer as expected within ${formatDuration(timeoutMs)} ` +
      `(${tries(seen.attempts)}): ${seen.problems.join('; ')}`,
    seen.answer ? ['last answer:', ...describeAnswer(seen.answer).map(line => `  ${line}`)] : []
  )
}
