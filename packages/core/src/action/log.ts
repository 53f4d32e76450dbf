import * as core from '@actions/core'
import type { Log } from '../base/log.ts'
import type { Secrets } from '../base/secrets.ts'
import { harmless } from './commands.ts'

/** So many of the last lines of a failed step are shown again. */
const SHOWN_AGAIN = 50

/**
 * The runner's log, with every known secret taken out and no line that the runner takes for a command.
 * Each step is a folded group; of one that fails the lines are shown again below it, unfolded.
 */
export function actionLog(secrets: Secrets): Log & { error(text: string): void } {
  const clean = (text: string) => harmless(secrets.redact(text))
  /** The lines of the step that runs; undefined between steps. */
  let step: { title: string; lines: string[] } | undefined
  const endStep = (failed = false) => {
    if (step === undefined) return
    const { title, lines } = step
    step = undefined
    core.endGroup()
    if (failed) for (const line of [`✗ ${title}`, ...lines.slice(-SHOWN_AGAIN)]) core.info(line)
  }
  return {
    info: text => {
      const line = clean(text)
      step?.lines.push(line)
      core.info(line)
    },
    /** A problem that does not end the step. */
    error: (text: string) => core.error(secrets.redact(text)),
    warning: text => core.warning(secrets.redact(text)),
    debug: text => core.debug(secrets.redact(text)),
    group: (title, body) => core.group(clean(title), body),
    step: text => {
      endStep()
      step = { title: clean(text), lines: [] }
      core.startGroup(`→ ${step.title}`)
    },
    endStep
  }
}
