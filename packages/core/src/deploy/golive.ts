import type { AppConfig } from '../app/config.ts'
import { Cancelled, errorMessage, UserError } from '../base/errors.ts'
import { quote } from '../base/shell.ts'
import { commitLine } from '../release/journal.ts'
import { ConnectionLost } from '../ssh/host.ts'
import type { Facts } from './facts.ts'
import { awaitEngine, onHost, type Place } from './library.ts'
import type { Run } from './run.ts'
import type { Tactics } from './tactics.ts'
import type { Target } from './target.ts'

/** What becomes live, how, and the script that records it. */
export interface Goal {
  place: Place
  target: Target
  config: AppConfig
  tactics: Tactics
  imageTest: string[] | null
  facts: Facts
  commit: string
  /** Decides, once it serves, whether it is recorded; throws when it is not to be. */
  verify?: (() => Promise<void>) | undefined
}

/**
 * Makes what was prepared live and records it. What the host did not get to do after it had recorded
 * the release, as when its power went just then, is no failure: to put the release before it back
 * would take away what serves. It is done now, or by a later run.
 */
export async function goLive(run: Run, goal: Goal): Promise<void> {
  const { place, target, config, tactics, imageTest, facts, commit, verify } = goal
  const record = verify === undefined ? commit : ''
  try {
    await run.switch(place, target, config, tactics, imageTest, { facts, commit: record })
    if (verify !== undefined) {
      await verify()
      await run.script(commit)
    }
  } catch (error) {
    if (error instanceof ConnectionLost || error instanceof Cancelled) throw error
    if (!(await isRecorded(run, place, facts))) throw error
    const { log } = run.seams
    log.info(`${errorMessage(error)}; release ${place.release} was live by then`)
    try {
      await run.script(awaitEngine(place))
      await run.script(commit)
    } catch (cause) {
      if (!(cause instanceof UserError)) throw cause
      log.warning(`what no kept release needs was left on the host: ${errorMessage(cause)}`)
    }
  }
}

/** Whether the host has recorded that the release is live; in a release that was so before, by us. */
async function isRecorded(run: Run, place: Place, { current }: Facts): Promise<boolean> {
  const recorded =
    current?.id === place.release
      ? `grep -qF ${quote(commitLine(run.id, place.release).slice(1))} .diveops/journal.jsonl`
      : `[ "$(readlink current)" = ${quote(`releases/${place.release}`)} ]`
  const said = await run.script(onHost(place, `! ${recorded} || echo '@recorded yes'`))
  return said.get('recorded') === 'yes'
}
