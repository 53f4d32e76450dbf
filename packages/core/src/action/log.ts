import * as core from '@actions/core'
import type { Log } from '../base/log.ts'
import type { Secrets } from '../base/secrets.ts'

/** The runner's log, with every known secret taken out before a line is written. */
export function actionLog(secrets: Secrets): Log & { error(text: string): void } {
  return {
    info: line => core.info(secrets.redact(line)),
    /** A problem that does not end the step. */
    error: (text: string) => core.error(secrets.redact(text)),
    warning: text => core.warning(secrets.redact(text)),
    debug: line => core.debug(secrets.redact(line)),
    group: (title, body) => core.group(secrets.redact(title), body)
  }
}
