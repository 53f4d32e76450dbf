import type { Project } from '../app/compose.ts'
import type { AppConfig } from '../app/config.ts'
import { Cancelled, errorMessage, UserError } from '../base/errors.ts'
import type { Manifest } from '../release/manifest.ts'
import { ConnectionLost } from '../ssh/host.ts'
import { commandsScript } from './commands.ts'
import { environmentBackScript, followScript } from './commit.ts'
import { type Facts, factProbes } from './facts.ts'
import { handover } from './handover.ts'
import { awaitEngine, type Place } from './library.ts'
import { formerReplicas } from './replicas.ts'
import type { Run } from './run.ts'
import { StepFailure } from './step.ts'
import { chooseTactics, type Tactics } from './tactics.ts'
import { keptTarget, type Target } from './target.ts'

/** A switch that failed. */
export interface Failure {
  facts: Facts
  /** The release that was to become live, and what it was. */
  failed: Place
  wanted: Target
  config: AppConfig
  tactics: Tactics
  cause: unknown
}

/**
 * After a failed switch: puts the release back that was live, by the same code, unless the roll has
 * done so itself; says in which state the host is. Does nothing while the switch may still go on.
 */
export async function putBack(run: Run, failure: Failure): Promise<void> {
  const { facts, failed, wanted, config, tactics, cause } = failure
  const { log } = run.seams
  if (cause instanceof ConnectionLost || cause instanceof Cancelled) return
  if (isBackAlready(cause, tactics)) {
    await run.discard(facts, failed, wanted)
    run.outcome.state = 'restored'
    return
  }
  const previous = facts.current
  if (!previous) {
    log.warning(
      'there is no earlier release to go back to; the new one stays as it is, not healthy'
    )
    return
  }
  const timeoutS = Math.ceil(config.health.timeoutMs / 1000)
  log.info(`putting back release ${previous.id}`)
  try {
    const place: Place = { ...failed, compose: previous.compose, release: previous.id }
    await run.script(awaitEngine(place))
    // Before anything else: compose reads .env for the release that comes back.
    await run.script(environmentBackScript(failed))
    const now = await factsForWayBack(run, place, previous, config)
    const there = Object.fromEntries(wanted.liveFiles)
    const project = now.config.project as Project
    const target = keptTarget(previous, project, now, there, 'as-it-was')
    if (target.variant !== previous.variant) await run.script(followScript(place, target))
    if (previous.again.length > 0) {
      await run.job(place, 'again', commandsScript(place, target, previous.again, timeoutS))
    }
    const { strategy } = run.request
    const back = {
      ...chooseTactics(target, now, config, { strategy, force: true }),
      replicas: formerReplicas(project, facts)
    }
    await run.switch(place, target, config, back, previous.imageTest, {
      facts: { ...now, broken: run.asBroken(failed.release) }
    })
    await run.discard(facts, failed, wanted)
    Object.assign(run.outcome, { state: 'restored', release: previous.id })
  } catch (error) {
    log.warning(
      `the previous release could not be put back either: ${errorMessage(error)}; run any action again, or on ` +
        `the host: cd ${failed.path} && docker compose -f ${failed.compose} ps && docker compose -f ${failed.compose} logs`
    )
  }
}

/** Whether a roll that failed has put everything back by itself, the old container still running. */
function isBackAlready(error: unknown, { services }: Tactics): boolean {
  if (!(error instanceof StepFailure)) return false
  const tactics = [...services]
  const first = tactics.find(([, { how }]) => how === 'roll')?.[0] ?? 'reload'
  return error.values.get('back') === first && !tactics.some(([, { how }]) => how === 'stop-first')
}

/**
 * What the host is like now, for the target that brings a kept release back: its image, its files and
 * its compose file as the host's own compose resolves it. What served over HTTP only goes on so, and
 * HTTPS stays unless its certificates are gone: a way back leads to what was seen to work.
 */
async function factsForWayBack(
  run: Run,
  { path, compose, release }: Place,
  previous: Manifest,
  config: AppConfig
): Promise<Facts> {
  const probes = factProbes(path, compose, release)
  const stdin = await handover({ config, files: [], template: [] }, [], undefined)
  const facts = probes.read(await run.read('restore', path, probes.script, stdin))
  if (facts.config.project) return { ...facts, current: previous }
  throw new UserError(`its compose file is refused: ${facts.config.error}`)
}
