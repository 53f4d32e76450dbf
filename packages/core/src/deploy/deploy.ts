import { builtRepository, type Project, repositoryOf } from '../app/compose.ts'
import { errorMessage, UserError } from '../base/errors.ts'
import { releaseId } from '../release/identity.ts'
import type { Connection } from '../ssh/connect.ts'
import { ConnectionLost, RemoteError } from '../ssh/host.ts'
import type { Lock } from '../ssh/lock.ts'
import { commandsScript } from './commands.ts'
import { commitScript, discardScript, releasesToPrune } from './commit.ts'
import { type Facts, factProbes } from './facts.ts'
import { handover } from './handover.ts'
import { asJob, awaitJobs, JOBS_STILL_RUN } from './job.ts'
import type { Place } from './library.ts'
import type { Outcome, Request, Seams } from './outcome.ts'
import { planRows } from './plan.ts'
import { judgeApp, judgeHost, refuse, refuseForeignImage } from './preflight.ts'
import { prepareScript } from './prepare.ts'
import { newManifest, type Prepared, readPrepared } from './record.ts'
import { recreateScript } from './recreate.ts'
import { previousTarget } from './restore.ts'
import { rollScript } from './roll.ts'
import { takeLock } from './runlock.ts'
import { runScript, StepFailure, Timeline } from './step.ts'
import { chooseTactics, type Tactics } from './tactics.ts'
import { decideTarget, differences, type Target } from './target.ts'

/** How long a job that an earlier run left may go on before this run gives up, in seconds. */
const JOB_PATIENCE_S = 600

/**
 * Deploys one release to one host. Never throws: a failure comes back as `error` beside the state
 * in which the host is.
 */
export async function deploy(request: Request, seams: Seams): Promise<Outcome> {
  const timeline = new Timeline(seams.clock)
  const outcome: Outcome = {
    state: 'untouched',
    release: undefined,
    previous: undefined,
    image: undefined,
    plan: [],
    steps: timeline.steps,
    error: undefined
  }
  let host: Connection | undefined
  try {
    timeline.begin('connect')
    host = await seams.connect()
    await new Deploy(request, seams, host, timeline, outcome).run()
  } catch (error) {
    outcome.error = error instanceof Error ? error : new Error(String(error))
    if (error instanceof ConnectionLost && outcome.state !== 'untouched') outcome.state = 'unknown'
  } finally {
    timeline.end()
    await host?.close()
  }
  return outcome
}

class Deploy {
  readonly #request: Request
  readonly #seams: Seams
  readonly #host: Connection
  readonly #timeline: Timeline
  readonly #outcome: Outcome
  #lock: Lock | undefined

  constructor(
    request: Request,
    seams: Seams,
    host: Connection,
    timeline: Timeline,
    outcome: Outcome
  ) {
    this.#request = request
    this.#seams = seams
    this.#host = host
    this.#timeline = timeline
    this.#outcome = outcome
  }

  async run(): Promise<void> {
    const { source, planOnly, strategy } = this.#request
    const { facts, project } = await this.#preflight()
    const image = this.#image(project)
    const target = decideTarget(source, facts, project, image, this.#request.given)
    refuseForeignImage(project, repositoryOf(image), target.built)
    this.#warnOfVariant(target)
    const why = differences(target, facts)
    const tactics = chooseTactics(target, facts, source.config, { strategy })
    Object.assign(this.#outcome, {
      image,
      previous: facts.current?.id,
      plan: planRows(target, facts, tactics, why)
    })
    for (const { service, what, why } of this.#outcome.plan) {
      this.#seams.log.info(`  ${service}: ${what}${why ? ` (${why})` : ''}`)
    }
    if (planOnly) {
      this.#outcome.state = 'planned'
      return
    }
    if (why.length === 0) {
      Object.assign(this.#outcome, { state: 'unchanged', release: facts.current?.id })
      return
    }
    await this.#apply(facts, target, tactics)
  }

  async #preflight(): Promise<{ facts: Facts; project: Project }> {
    const { source, given, login } = this.#request
    const { config } = source
    const probes = factProbes(config.path, config.compose)
    const stdin = await handover(source, given, login)
    if (!this.#request.planOnly) {
      this.#timeline.begin('lock')
      this.#lock = takeLock(this.#host, this.#request, this.#seams)
    }
    const wait = this.#lock ? this.#lock.untilHeld + awaitJobs(config.path, JOB_PATIENCE_S) : ''
    const reading = this.#host.run(wait + probes.script, { stdin, what: 'reading the host' })
    // Why there is no lock says more than the script that waited for it in vain.
    await settled(this.#lock?.held, reading)
    this.#timeline.begin('preflight')
    const result = await reading
    if (result.code === JOBS_STILL_RUN) {
      throw new UserError(
        `a job of an earlier run still works on ${this.#host.name} after ${JOB_PATIENCE_S} s; see ` +
          `${config.path}/.diveops/jobs there`
      )
    }
    if (result.code !== 0) {
      throw new RemoteError('reading the state of the host', this.#host.name, result)
    }
    const facts = probes.read(result.stdout)
    refuse(judgeHost(facts, config, this.#host.name, this.#seams.clock.now()))
    const project = facts.config.project as Project
    refuse(judgeApp(facts, config, project, this.#host.name))
    this.#timeline.end()
    return { facts, project }
  }

  #image(project: Project): string {
    const { image, repository } = this.#request
    const name = 'name' in image ? image.name : builtRepository(project, repository)
    return `${name}@${image.digest}`
  }

  #warnOfVariant({ variant, variantReason }: Target): void {
    if (variantReason === undefined) return
    const text = `nginx serves the ${variant} variant: ${variantReason}`
    if (variant === 'http')
      this.#seams.log.info(`  ${text}; the setup-ssl action obtains certificates`)
    else this.#seams.log.warning(text)
  }

  async #apply(facts: Facts, target: Target, tactics: Tactics): Promise<void> {
    const { source } = this.#request
    const { config } = source
    const { clock } = this.#seams
    const release = releaseId(new Date(clock.now()), target.image.split('@')[1] as string)
    const place: Place = {
      path: config.path,
      compose: config.compose,
      project: target.project.name,
      release
    }
    const timeoutS = Math.ceil(config.health.timeoutMs / 1000)
    this.#outcome.release = release
    let prepared: Prepared
    try {
      prepared = readPrepared(await this.#script(prepareScript(place, target, facts.missingImages)))
      if (config.release.length > 0) {
        await this.#job(place, 'release', commandsScript(place, target, config.release, timeoutS))
      }
    } catch (error) {
      const told = this.#tell(error)
      await this.#discard(facts, place, target)
      throw told
    }
    this.#outcome.state = 'unknown'
    try {
      await this.#switch(place, target, tactics, prepared.imageTest)
    } catch (error) {
      const told = this.#tell(error)
      if (isBackAlready(error, tactics)) {
        await this.#discard(facts, place, target)
        this.#outcome.state = 'restored'
      } else await this.#restore(facts, place, target, timeoutS, error)
      throw told
    }
    const live = newManifest(place, target, prepared, this.#request, new Date(clock.now()))
    const pruned = releasesToPrune(facts.releases, live, facts.current?.id, config.keep)
    const kept = facts.releases.filter(one => !pruned.includes(one))
    await this.#script(
      commitScript(place, live, pruned, kept, facts.unfinished),
      JSON.stringify(live, null, 2)
    )
    this.#outcome.state = 'live'
  }

  /** Makes what was prepared live. */
  async #switch(
    place: Place,
    target: Target,
    { services, replaceProxy }: Tactics,
    imageTest: string[] | null
  ): Promise<void> {
    const { strategy, source } = this.#request
    const { health, domains } = source.config
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
            domains: domains.flat()
          })
    await this.#job(place, strategy, script)
  }

  #script(script: string, stdin?: string): Promise<Map<string, string>> {
    const { log } = this.#seams
    const timeline = this.#timeline
    const options = { log, timeline, signal: this.#lock?.lost }
    return runScript(this.#host, script, stdin === undefined ? options : { ...options, stdin })
  }

  #job(place: Place, name: string, script: string): Promise<Map<string, string>> {
    const job = asJob(place, name, script)
    return this.#script(job.script, job.stdin)
  }

  /** The live site was not touched; what was made for the release is removed. */
  async #discard(facts: Facts, place: Place, target: Target): Promise<void> {
    const kept = facts.releases.some(({ image }) => image === target.image)
    try {
      await this.#script(discardScript(place, target.built, kept ? undefined : target.image))
    } catch (error) {
      this.#seams.log.warning(
        `the release '${place.release}' was left on the host: ${errorMessage(error)}`
      )
    }
    this.#outcome.release = facts.current?.id
  }

  /** Says first why a run failed, before anything is put back; the details are not told twice. */
  #tell(error: unknown): unknown {
    if (!(error instanceof UserError)) return error
    this.#seams.log.info(`failed: ${error.message}`)
    for (const line of error.details) this.#seams.log.info(`  ${line}`)
    return new UserError(error.message, [], { cause: error })
  }

  /** Puts the previous release back by the same code; says in which state the host is. */
  async #restore(
    facts: Facts,
    failed: Place,
    wanted: Target,
    timeoutS: number,
    cause: unknown
  ): Promise<void> {
    const { log } = this.#seams
    const previous = facts.current
    if (cause instanceof ConnectionLost) return
    if (!previous) {
      log.warning(
        'there is no earlier release to go back to; the new one stays as it is, not healthy'
      )
      return
    }
    log.info(`putting back release ${previous.id}`)
    try {
      const place: Place = { ...failed, compose: previous.compose, release: previous.id }
      const target = await previousTarget(this.#host, place, previous, facts, wanted)
      if (previous.again.length > 0) {
        await this.#job(place, 'again', commandsScript(place, target, previous.again, timeoutS))
      }
      const { source, strategy } = this.#request
      const tactics = chooseTactics(target, facts, source.config, { strategy, force: true })
      await this.#switch(place, target, tactics, null)
      await this.#discard(facts, failed, wanted)
      Object.assign(this.#outcome, { state: 'restored', release: previous.id })
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

/** Waits for the first promise; when it fails, the failure of the second is not of interest. */
async function settled(first: Promise<void> | undefined, second: Promise<unknown>): Promise<void> {
  second.catch(() => {})
  await first
}
