import type { Project } from '../app/compose.ts'
import type { AppConfig } from '../app/config.ts'
import { errorMessage, UserError } from '../base/errors.ts'
import type { Connection } from '../ssh/connect.ts'
import { ConnectionLost, RemoteError } from '../ssh/host.ts'
import type { Lock } from '../ssh/lock.ts'
import { findingsAfter } from './aftermath.ts'
import { commandsScript } from './commands.ts'
import { discardScript, environmentBackScript, followScript } from './commit.ts'
import type { Facts } from './facts.ts'
import { asJob, awaitJobs, JOBS_STILL_RUN } from './job.ts'
import type { Place } from './library.ts'
import type { Outcome, RunRequest, Seams } from './outcome.ts'
import { originsOf } from './pairs.ts'
import type { PlanRow } from './plan.ts'
import { judgeApp, judgeHost, refuse } from './preflight.ts'
import { recreateScript } from './recreate.ts'
import { previousTarget } from './restore.ts'
import { rollScript } from './roll.ts'
import { takeLock } from './runlock.ts'
import { runScript, StepFailure, Timeline } from './step.ts'
import { chooseTactics, type Tactics } from './tactics.ts'
import type { Target } from './target.ts'

/** How long a job that an earlier run left may go on before this run gives up, in seconds. */
const JOB_PATIENCE_S = 600

/**
 * Connects, lets `body` work on the host and reports how it ended. Never throws: a failure comes
 * back as `error` beside the state in which the host is.
 */
export async function conduct(
  request: RunRequest,
  seams: Seams,
  body: (run: Run) => Promise<void>
): Promise<Outcome> {
  const timeline = new Timeline(seams.clock)
  const outcome: Outcome = {
    state: 'untouched',
    release: undefined,
    previous: undefined,
    image: undefined,
    plan: [],
    steps: timeline.steps,
    findings: [],
    error: undefined
  }
  let host: Connection | undefined
  try {
    timeline.begin('connect')
    host = await seams.connect()
    await body(new Run(request, seams, host, timeline, outcome))
  } catch (error) {
    outcome.error = error instanceof Error ? error : new Error(String(error))
    if (error instanceof ConnectionLost && outcome.state !== 'untouched') outcome.state = 'unknown'
    // Who has no lock has done nothing, and was told why.
    if (host && timeline.current !== 'lock') {
      outcome.findings = await findingsAfter(outcome.error, host, seams)
    }
  } finally {
    timeline.end()
    await host?.close()
  }
  return outcome
}

/** One run on one host: what a deploy and a rollback have in common. */
export class Run {
  readonly outcome: Outcome
  readonly seams: Seams
  readonly host: Connection
  readonly #request: RunRequest
  readonly #timeline: Timeline
  #lock: Lock | undefined

  constructor(
    request: RunRequest,
    seams: Seams,
    host: Connection,
    timeline: Timeline,
    outcome: Outcome
  ) {
    this.#request = request
    this.seams = seams
    this.host = host
    this.#timeline = timeline
    this.outcome = outcome
  }

  /** Takes the lock of an app's folder; the next reading waits for it on the host. */
  takeLock(path: string): void {
    this.#timeline.begin('lock')
    this.#lock = takeLock(this.host, path, this.#request, this.seams)
  }

  /** Runs a script that only reads, under the lock when there is one, and returns what it printed. */
  async read(step: string, path: string, script: string, stdin?: Buffer): Promise<string> {
    const wait = this.#lock ? this.#lock.untilHeld + awaitJobs(path, JOB_PATIENCE_S) : ''
    const reading = this.host.run(wait + script, {
      ...(stdin && { stdin }),
      what: 'reading the host'
    })
    // Why there is no lock says more than the script that waited for it in vain.
    reading.catch(() => {})
    await this.#lock?.held
    this.#timeline.begin(step)
    const result = await reading
    this.#timeline.end()
    if (result.code === JOBS_STILL_RUN) {
      throw new UserError(
        `a job of an earlier run still works on ${this.host.name} after ${JOB_PATIENCE_S} s; see ` +
          `${path}/.diveops/jobs there`
      )
    }
    if (result.code !== 0) {
      throw new RemoteError('reading the state of the host', this.host.name, result)
    }
    return result.stdout
  }

  /** Judges what was read, says it in one line, and refuses with one line for what is wrong. */
  judge(facts: Facts, config: AppConfig): Project {
    const checks = judgeHost(facts, config, this.host.name, this.seams.clock.now())
    this.seams.log.info(`  ${checks.map(({ name, found }) => `${name}: ${found}`).join(' · ')}`)
    refuse(checks)
    const project = facts.config.project as Project
    refuse(judgeApp(facts, config, project, this.host.name))
    return project
  }

  /** Shows the plan and what to know of the certificates, and keeps the plan for the outcome. */
  tellPlan(plan: PlanRow[], { warnings }: Target): void {
    this.outcome.plan = plan
    for (const text of warnings) this.seams.log.warning(text)
    for (const { service, what, why } of plan) {
      this.seams.log.info(`  ${service}: ${what}${why ? ` (${why})` : ''}`)
    }
  }

  /** Makes what was prepared live. */
  async switch(
    place: Place,
    target: Target,
    config: AppConfig,
    { services, replaceProxy }: Tactics,
    imageTest: string[] | null
  ): Promise<void> {
    const { strategy } = this.#request
    const { health, domains } = config
    const options = { imageTest, timeoutS: Math.ceil(health.timeoutMs / 1000) }
    const script =
      strategy === 'recreate'
        ? recreateScript(place, target, options)
        : rollScript(place, target, {
            ...options,
            tactics: services,
            replaceProxy,
            bakeS: health.bakeMs / 1000,
            healthPath: health.path,
            origins: originsOf(target.pairs, domains)
          })
    await this.job(place, strategy, script)
  }

  /** Begins a step that works from here, not by a script on the host. */
  begin(step: string): void {
    this.#timeline.begin(step)
    this.seams.log.info(`→ ${step}`)
  }

  /** Runs a script made by `onHost`. */
  script(script: string, stdin?: string): Promise<Map<string, string>> {
    const { log } = this.seams
    const timeline = this.#timeline
    const options = { log, timeline, signal: this.#lock?.lost }
    return runScript(this.host, script, stdin === undefined ? options : { ...options, stdin })
  }

  /** Runs a script made by `onHost` so that it ends what it began without us. */
  job(place: Place, name: string, script: string): Promise<Map<string, string>> {
    const job = asJob(place, name, script)
    return this.script(job.script, job.stdin)
  }

  /** The live site was not touched; what was made for the release is removed. */
  async discard(facts: Facts, place: Place, target: Target): Promise<void> {
    this.outcome.release = facts.current?.id
    // The goal of a rollback is a kept release and stays one.
    const stays = facts.releases.some(({ id }) => id === place.release)
    const kept = facts.releases.some(({ image }) => image === target.image)
    const script = stays
      ? environmentBackScript(place)
      : discardScript(place, target.built, kept ? undefined : target.image)
    try {
      await this.script(script)
    } catch (error) {
      this.seams.log.warning(
        `what the release '${place.release}' brought was left on the host: ${errorMessage(error)}`
      )
    }
  }

  /** Says first why a run failed, before anything is put back; the details are not told twice. */
  tell(error: unknown): unknown {
    if (!(error instanceof UserError)) return error
    this.seams.log.info(`failed: ${error.message}`)
    for (const line of error.details) this.seams.log.info(`  ${line}`)
    return new UserError(error.message, [], { cause: error })
  }

  /**
   * After a failed switch: puts the release back that was live, by the same code, unless the roll has
   * done so itself; says in which state the host is.
   */
  async restore(
    facts: Facts,
    failed: Place,
    wanted: Target,
    config: AppConfig,
    tactics: Tactics,
    cause: unknown
  ): Promise<void> {
    const { log } = this.seams
    if (isBackAlready(cause, tactics)) {
      await this.discard(facts, failed, wanted)
      this.outcome.state = 'restored'
      return
    }
    const previous = facts.current
    if (cause instanceof ConnectionLost) return
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
      // Before anything else: compose reads .env for the release that comes back.
      await this.script(environmentBackScript(failed))
      const target = await previousTarget(this.host, place, previous, facts, wanted)
      if (target.variant !== previous.variant) await this.script(followScript(place, target))
      if (previous.again.length > 0) {
        await this.job(place, 'again', commandsScript(place, target, previous.again, timeoutS))
      }
      const { strategy } = this.#request
      const back = chooseTactics(target, facts, config, { strategy, force: true })
      await this.switch(place, target, config, back, previous.imageTest)
      await this.discard(facts, failed, wanted)
      Object.assign(this.outcome, { state: 'restored', release: previous.id })
    } catch (error) {
      log.warning(
        `the previous release could not be put back either: ${errorMessage(error)}; on the host run: cd ` +
          `${failed.path} && docker compose -f ${failed.compose} ps && docker compose -f ${failed.compose} logs`
      )
    }
  }
}

/** Whether a roll that failed has put everything back by itself, the old container still running. */
function isBackAlready(error: unknown, { services }: Tactics): boolean {
  if (!(error instanceof StepFailure)) return false
  const tactics = [...services]
  const first = tactics.find(([, { how }]) => how === 'roll')?.[0] ?? 'reload'
  return error.values.get('back') === first && !tactics.some(([, { how }]) => how === 'stop-first')
}
