import type { RegistryLogin } from '../action/registry.ts'
import type { Project } from '../app/compose.ts'
import { parseConfig } from '../app/config.ts'
import { UserError } from '../base/errors.ts'
import { didYouMean, list } from '../base/names.ts'
import type { Manifest } from '../release/manifest.ts'
import { commandsScript } from './commands.ts'
import { commitScript } from './commit.ts'
import { type Facts, factProbes, releaseProbes } from './facts.ts'
import { handover } from './handover.ts'
import type { Place } from './library.ts'
import type { Outcome, RunRequest, Seams } from './outcome.ts'
import { planRows } from './plan.ts'
import { pullScript } from './prepare.ts'
import { readPrepared } from './record.ts'
import { keptTarget } from './restore.ts'
import { conduct, type Run } from './run.ts'
import { chooseTactics } from './tactics.ts'
import { differences, type Target } from './target.ts'

/** Which release is to serve again, on which host. */
export interface RollbackRequest extends RunRequest {
  /** The app's folder on the host. */
  path: string
  /** Id of a kept release; the newest one older than the live one when undefined. */
  release: string | undefined
  /** For an image that is no longer on the host. */
  login: RegistryLogin | undefined
}

/**
 * Makes a kept release live again, by the same roll and the same verification as a deploy. Needs
 * neither a checkout nor, while the image is on the host, the registry. Never throws.
 */
export function rollback(request: RollbackRequest, seams: Seams): Promise<Outcome> {
  return conduct(request, seams, run => goBack(request, run))
}

async function goBack(request: RollbackRequest, run: Run): Promise<void> {
  const { path, login, strategy } = request
  const { outcome } = run
  run.takeLock(path)
  const reading = releaseProbes(path)
  const known = reading.read(await run.read('releases', path, reading.script))
  const goal = chooseRelease(request.release, known, run.host.name)
  const config = { ...(goal.config ?? parseConfig('')), path, compose: goal.compose }
  const probes = factProbes(path, goal.compose, goal.id)
  const secrets = await handover({ config, files: [], template: [] }, [], login)
  const facts = probes.read(await run.read('preflight', path, probes.script, secrets))
  const project: Project = run.judge(facts, config)
  const target = keptTarget(goal, project, facts.current, facts.current?.files ?? {})
  const why = differences(target, facts)
  const tactics = chooseTactics(target, facts, config, { strategy })
  outcome.image = goal.image
  outcome.previous = facts.current?.id
  run.tellPlan(planRows(target, facts, tactics, why))
  const place: Place = { path, compose: goal.compose, project: project.name, release: goal.id }
  const { imageTest } = await prepare(run, place, target, goal, facts)
  outcome.state = 'unknown'
  try {
    await run.switch(place, target, config, tactics, imageTest)
  } catch (error) {
    const told = run.tell(error)
    await run.restore(facts, place, target, config, tactics, error)
    throw told
  }
  const env = { sha256: facts.env?.sha256 ?? goal.env.sha256, follow: target.follow }
  const live: Manifest = { ...goal, variant: target.variant, env }
  await run.script(commitScript(place, live, [], facts.releases, []), JSON.stringify(live, null, 2))
  outcome.state = 'live'
  outcome.release = goal.id
}

async function prepare(run: Run, place: Place, target: Target, goal: Manifest, facts: Facts) {
  const timeoutS = Math.ceil((goal.config?.health.timeoutMs ?? 60_000) / 1000)
  try {
    const said = await run.script(pullScript(place, target, facts.missingImages))
    if (goal.again.length > 0) {
      await run.job(place, 'again', commandsScript(place, target, goal.again, timeoutS))
    }
    return readPrepared(said)
  } catch (error) {
    throw run.tell(error)
  }
}

/** The release to go back to; one line that lists the kept ones when there is no such release. */
export function chooseRelease(
  wanted: string | undefined,
  { current, releases }: Pick<Facts, 'current' | 'releases'>,
  host: string
): Manifest {
  const ids = releases.map(({ id }) => id).sort()
  const kept = ids.length === 0 ? 'it keeps none' : `it keeps ${list(ids)}`
  if (wanted !== undefined) {
    const found = releases.find(({ id }) => id === wanted)
    if (!found) {
      throw new UserError(
        `input 'release': '${wanted}' is not on ${host}${didYouMean(wanted, ids)}; ${kept}`
      )
    }
    if (found.id === current?.id) {
      throw new UserError(`input 'release': '${wanted}' is live already on ${host}; ${kept}`)
    }
    return found
  }
  const older = releases
    .filter(({ id }) => current === undefined || id < current.id)
    .sort((a, b) => b.id.localeCompare(a.id))[0]
  if (older) return older
  throw new UserError(`there is no release before the live one on ${host}; ${kept}`)
}
