import type { RegistryLogin } from '../action/registry.ts'
import type { Project } from '../app/compose.ts'
import { parseConfig } from '../app/config.ts'
import type { Manifest } from '../release/manifest.ts'
import { commandsScript } from './commands.ts'
import { commitScript } from './commit.ts'
import { type Facts, factProbes } from './facts.ts'
import { hostTexts, tellFileChanges } from './filediff.ts'
import { goLive } from './golive.ts'
import { handover } from './handover.ts'
import type { Place } from './library.ts'
import { addressOf } from './pairs.ts'
import { makePlan } from './plan.ts'
import { journalPlan } from './plantext.ts'
import { prepareKeptScript } from './prepare.ts'
import { type Prepared, readPrepared } from './record.ts'
import { putBack } from './restore.ts'
import type { Run } from './run.ts'
import { inquiryScript, judgeSchema, schemaOf } from './schemasteps.ts'
import { chooseTactics, type Strategy } from './tactics.ts'
import { differences, keptTarget, type Target } from './target.ts'

/** How a kept release is made live. */
export interface KeptRequest {
  /** The app's folder on the host. */
  path: string
  strategy: Strategy
  /** For an image that is no longer on the host. */
  login: RegistryLogin | undefined
  /** Whether to go back although the database has migrations that the release does not know. */
  acceptNewerSchema?: boolean
}

/** What the host is like, and what a kept release is with today's certificates. */
export interface Kept {
  facts: Facts
  target: Target
}

/**
 * Makes a release live that the host keeps, with the nginx configurations and the variables that
 * follow them as today's certificates say, which are looked at now. The release that is live already
 * goes the same way: only what today's certificates change is then switched, and nothing when that
 * is nothing. With `verify` that decides at the end, and everything goes back when it throws. Returns
 * what was read and what it led to. The lock must be held.
 */
export async function putKeptLive(
  run: Run,
  request: KeptRequest,
  goal: Manifest,
  verify?: (kept: Kept) => Promise<void>
): Promise<Kept> {
  const { path, strategy, login, acceptNewerSchema = false } = request
  const { outcome } = run
  const config = { ...(goal.config ?? parseConfig('')), path, compose: goal.compose }
  const probes = factProbes(path, goal.compose, goal.id)
  const secrets = await handover({ config, files: [], template: [] }, [], login)
  const facts = probes.read(await run.read('preflight', path, probes.script, secrets))
  const project: Project = run.judge(facts, config)
  tellBroken(facts, run, `putting release ${goal.id} live`)
  const target = keptTarget(goal, project, facts, {
    ...facts.brokenFiles,
    ...facts.current?.files
  })
  const why = differences(target, facts)
  const back = facts.current !== undefined && goal.id < facts.current.id
  const tactics = chooseTactics(target, facts, config, { strategy, back })
  Object.assign(outcome, { image: goal.image, commit: goal.commit, previous: facts.current?.id })
  outcome.url = addressOf(target.pairs, config.domains)
  const plan = makePlan(target, facts, tactics, path, why)
  run.tellPlan(plan, target)
  await tellFileChanges(run.seams.log, path, target, plan, hostTexts(run.host, path))
  if (why.length === 0 && goal.id === facts.current?.id) {
    Object.assign(outcome, { state: 'unchanged', release: goal.id })
    return { facts, target }
  }
  const place: Place = { path, compose: goal.compose, project: project.name, release: goal.id }
  const { imageTest, envHash } = await prepare(run, place, target, goal, facts, acceptNewerSchema)
  const { variant, pairs, follow } = target
  const live: Manifest = { ...goal, variant, pairs, env: { sha256: envHash, follow } }
  const commit = commitScript(place, live, [], facts.releases, facts.unfinished, run.id)
  outcome.state = 'unknown'
  try {
    await goLive(run, {
      place,
      target,
      config,
      tactics,
      imageTest,
      facts,
      commit,
      verify: verify && (() => verify({ facts, target }))
    })
  } catch (error) {
    const told = run.tell(error)
    await putBack(run, { facts, failed: place, wanted: target, config, tactics, cause: error })
    throw told
  }
  Object.assign(outcome, { state: 'live', release: goal.id })
  return { facts, target }
}

/** Says in one line what an earlier run left half-way, and what this one does about it. */
export function tellBroken({ broken }: Pick<Facts, 'broken'>, run: Run, todo: string): void {
  if (!broken) return
  const { action, release, url, actor, at } = broken
  run.seams.log.info(
    `  a ${action} of release ${release} broke off half-way (${url} by ${actor}, ${at}); ${todo}, with every service made anew`
  )
}

async function prepare(
  run: Run,
  place: Place,
  target: Target,
  goal: Manifest,
  facts: Facts,
  acceptNewerSchema: boolean
): Promise<Prepared> {
  const timeoutS = Math.ceil((goal.config?.health.timeoutMs ?? 60_000) / 1000)
  // What the live release had run for it was run when it went live.
  const isLive = goal.id === facts.current?.id
  const again = isLive && !facts.broken ? [] : goal.again
  const question =
    isLive || !goal.config ? undefined : inquiryScript(place, target, goal.config, timeoutS)
  try {
    const first = `${prepareKeptScript(place, target, facts)}\n${journalPlan(run.outcome.plan)}`
    const said = await run.script(question === undefined ? first : `${first}\n${question}`)
    const schema = question === undefined ? undefined : schemaOf(said, run.seams.log)
    if (schema) judgeSchema(goal, schema, acceptNewerSchema, run.seams.log)
    if (again.length > 0) {
      await run.job(place, 'again', commandsScript(place, target, again, timeoutS))
    }
    return readPrepared(said)
  } catch (error) {
    const told = run.tell(error)
    await run.discard(facts, place, target)
    throw told
  }
}
