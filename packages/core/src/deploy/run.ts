import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { Project } from '../app/compose.ts'
import type { AppConfig } from '../app/config.ts'
import { Cancelled, errorMessage, UserError } from '../base/errors.ts'
import { quote } from '../base/shell.ts'
import { type BrokenSwitch, endLine, type RunIdentity, switchLine } from '../release/journal.ts'
import { ConnectionLost, RemoteError } from '../ssh/host.ts'
import type { Script, SteadyHost } from '../ssh/steady.ts'
import { discardScript, environmentBackScript } from './commit.ts'
import type { Facts } from './facts.ts'
import { awaitJobs, JOBS_STILL_RUN, Job } from './job.ts'
import { type Place, recordLine } from './library.ts'
import type { Outcome, RunRequest, Seams } from './outcome.ts'
import { originsOf } from './pairs.ts'
import type { Plan } from './plan.ts'
import { planLines } from './plantext.ts'
import { judgeApp, judgeHost, refuse, warningsOf } from './preflight.ts'
import { recoverScript, settleScript, splitNotes } from './recover.ts'
import { recreateScript } from './recreate.ts'
import { rollScript } from './roll.ts'
import { takeLock } from './runlock.ts'
import { runScript, StepFailure, type StepOptions, type Timeline } from './step.ts'
import type { Tactics } from './tactics.ts'
import type { Target } from './target.ts'

/** How long a job that an earlier run left may go on before this run gives up, in seconds. */
const JOB_PATIENCE_S = 600

/** Name of the job that makes a release live. */
const SWITCH = 'switch'

/** How long a cancelled run waits for its job to go back. */
const CANCEL_PATIENCE_MS = 4000

/** One run on one host: what a deploy, a rollback and a look at certificates have in common. */
export class Run {
  readonly outcome: Outcome
  readonly seams: Seams
  readonly host: SteadyHost
  readonly request: RunRequest
  readonly #timeline: Timeline
  readonly #identity: RunIdentity
  #locked: string | undefined
  #recovered = false
  #jobs = 0
  #cancelled = false
  /** The job that goes on although this run stops. */
  #job: Job | undefined

  constructor(
    action: string,
    request: RunRequest,
    seams: Seams,
    host: SteadyHost,
    timeline: Timeline,
    outcome: Outcome
  ) {
    this.request = request
    this.seams = seams
    this.host = host
    this.#timeline = timeline
    this.outcome = outcome
    const { url = 'a run outside of GitHub', actor = 'somebody' } = request.run
    this.#identity = { id: randomBytes(6).toString('hex'), action, url, actor }
  }

  /** Of this run alone, for the journal. */
  get id(): string {
    return this.#identity.id
  }

  /** Takes the lock of an app's folder; the next reading waits for it on the host. */
  takeLock(path: string): void {
    this.#timeline.begin('lock')
    this.#locked = path
    takeLock(this.host, path, this.#identity, this.request, this.seams)
  }

  /**
   * Runs a script that only reads, under the lock when there is one, and returns what it printed. The
   * first one under the lock waits for jobs of earlier runs and takes back what they left unfinished.
   */
  async read(step: string, path: string, script: string, stdin?: Buffer): Promise<string> {
    const first = this.#locked !== undefined && !this.#recovered
    const before = first ? awaitJobs(path, JOB_PATIENCE_S) + recoverScript(path) : ''
    const reading = this.host.run(before + script, {
      ...(stdin && { stdin, cargo: true }),
      ...this.#signal(),
      what: 'reading the host'
    })
    reading.catch(() => {})
    await Promise.race([this.host.locked(), reading])
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
    this.#recovered ||= first
    const { notes, rest } = splitNotes(result.stdout)
    for (const note of notes) this.seams.log.info(`  ${note}`)
    return rest
  }

  /** Judges what was read, says it in one line, and refuses with one line for what is wrong. */
  judge(facts: Facts, config: AppConfig): Project {
    const checks = judgeHost(facts, config, this.host.name, this.seams.clock.now())
    this.seams.log.info(`  ${checks.map(({ name, found }) => `${name}: ${found}`).join(' · ')}`)
    for (const warning of warningsOf(checks)) this.seams.log.warning(warning)
    refuse(checks)
    const project = facts.config.project as Project
    refuse(judgeApp(facts, config, project, this.host.name))
    return project
  }

  /** Shows the plan and what to know of the certificates, and keeps the plan for the outcome. */
  tellPlan(plan: Plan, { warnings }: Target): void {
    this.outcome.plan = plan
    for (const text of warnings) this.seams.log.warning(text)
    for (const line of planLines(plan)) this.seams.log.info(`  ${line}`)
  }

  /**
   * Makes what was prepared live, by a job that goes on also without us; `commit` belongs to it where
   * nothing from here is to be seen before.
   */
  async switch(
    place: Place,
    target: Target,
    config: AppConfig,
    { services, replaceProxy, back, doors, replicas }: Tactics,
    imageTest: string[] | null,
    { facts, commit = '' }: { facts: Facts; commit?: string }
  ): Promise<void> {
    const { strategy } = this.request
    const { health, domains } = config
    const options = {
      imageTest,
      timeoutS: Math.ceil(health.timeoutMs / 1000),
      doors,
      healthPath: health.path
    }
    const script =
      strategy === 'recreate'
        ? recreateScript(place, target, options)
        : rollScript(place, target, {
            ...options,
            tactics: services,
            replicas,
            replaceProxy,
            back,
            bakeS: health.bakeMs / 1000,
            errorsPercent: health.errorsPercent,
            origins: originsOf(target.pairs, domains)
          })
    // A way back still has the release in it that failed.
    const goal = facts.broken?.run === this.id ? facts.broken.release : place.release
    const begin = `cd ${quote(place.path)} || exit 1\n${recordLine(switchLine(this.#identity, goal, facts.current?.id))}`
    const settle = facts.broken ? settleScript(place, target) : ''
    await this.job(place, SWITCH, [begin, script, settle, commit].join('\n'))
  }

  /** Begins a step that works from here, not by a script on the host. */
  begin(step: string): void {
    this.#timeline.begin(step)
    this.seams.log.step(step)
  }

  /** Runs a script made by `onHost`, which must be safe to run again: a connection may break in it. */
  script(script: string, stdin?: string): Promise<Map<string, string>> {
    return this.#run(script, stdin === undefined ? {} : { stdin })
  }

  /**
   * Runs a script made by `onHost` once and no more, so that it ends what it began without us.
   * `before` is a script that is safe to run again, for the same flight.
   */
  async job(place: Place, name: string, script: string, before = ''): Promise<Map<string, string>> {
    this.#jobs += 1
    const job = new Job(place.path, `${this.id}-${this.#jobs}-${name}`, script, before)
    const more = { stdin: job.stdin, hear: (line: string) => job.hear(line) }
    try {
      return await this.#run(() => job.script(), more)
    } catch (error) {
      const left = error instanceof ConnectionLost || error instanceof Cancelled
      if (left && job.hasBegun) this.#job = job
      if (!(left && job.hasBegun) || error instanceof ConnectionLost) throw error
      const said = await this.#cancelJob(job, more, error)
      if (name !== SWITCH) throw error
      return said
    }
  }

  /** Tells a job that it should go back, if it still can, and waits a little for how it ends. */
  async #cancelJob(
    job: Job,
    more: Pick<StepOptions, 'stdin' | 'hear'>,
    cause: Error
  ): Promise<Map<string, string>> {
    // The process need not live on for it.
    const patience = setTimeout(CANCEL_PATIENCE_MS, undefined, { ref: false }).then(() =>
      Promise.reject(cause)
    )
    const ending = this.#run(() => job.cancelScript(), more)
    try {
      const said = await Promise.race([ending, patience])
      this.#job = undefined
      return said
    } catch (error) {
      if (error === cause) ending.catch(() => {})
      else if (!(error instanceof ConnectionLost)) this.#job = undefined
      if (!(error instanceof StepFailure)) throw error
      throw new StepFailure(cause.message, [], error.values)
    } finally {
      patience.catch(() => {})
    }
  }

  /** What a cancelled run still does, it does to leave the host in order: that has no signal. */
  #signal(): { signal?: AbortSignal } {
    const { cancel } = this.seams
    return cancel === undefined || this.#cancelled ? {} : { signal: cancel }
  }

  async #run(
    script: Script,
    more: Pick<StepOptions, 'stdin' | 'hear'> = {}
  ): Promise<Map<string, string>> {
    const options = { log: this.seams.log, timeline: this.#timeline, ...this.#signal(), ...more }
    try {
      return await runScript(this.host, script, options)
    } catch (error) {
      this.#cancelled ||= error instanceof Cancelled
      throw error
    }
  }

  /** The live site was not touched; what was made for the release is removed. */
  async discard(facts: Facts, place: Place, target: Target): Promise<void> {
    this.outcome.release = facts.current?.id
    if (this.#job !== undefined) return
    // The goal of a rollback is a kept release and stays one.
    const stays = facts.releases.some(({ id }) => id === place.release)
    const kept = facts.releases.some(({ image }) => image === target.image)
    const script = stays
      ? environmentBackScript(place)
      : discardScript(place, target.built, kept ? undefined : target.image)
    try {
      await this.script(awaitJobs(place.path, 3) + script)
    } catch (error) {
      this.seams.log.warning(
        `what the release '${place.release}' brought was left on the host, the next run removes it: ${errorMessage(error)}`
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

  /** This run's own switch to a release as one that broke off, for what is to clear up after it. */
  asBroken(release: string): BrokenSwitch {
    const { id: run, ...rest } = this.#identity
    return { run, ...rest, at: '', release, from: undefined }
  }

  /** What goes on on the host by itself although this run stops, and what to do; nothing for nothing. */
  get goesOn(): string | undefined {
    if (this.#job === undefined) return undefined
    return (
      `step '${this.#timeline.current}' goes on there by itself (${this.#job.folder}/out); the next run ` +
      'of any action waits for it, then finishes or undoes it: run this one again'
    )
  }

  /** Notes in the journal how the run ended, gives the lock back and ends the connection. */
  async close(): Promise<void> {
    const { state, release } = this.outcome
    if (this.#locked !== undefined) {
      const end = this.seams.cancel?.aborted ? `cancelled, ${state}` : state
      this.host.record(endLine(this.#identity, end, release))
    }
    // A job that goes on without us must find its folder.
    if (this.#job === undefined) await this.host.close()
    else await this.host.leave()
  }
}
