import { builtRepository, type Project, repositoryOf } from '../app/compose.ts'
import { releaseId } from '../release/identity.ts'
import { commandsScript } from './commands.ts'
import { commitScript, releasesToPrune } from './commit.ts'
import { type Facts, factProbes } from './facts.ts'
import { handover } from './handover.ts'
import { asJob } from './job.ts'
import type { Place } from './library.ts'
import type { Outcome, Request, Seams } from './outcome.ts'
import { planRows } from './plan.ts'
import { refuseForeignImage } from './preflight.ts'
import { prepareScript } from './prepare.ts'
import { newManifest, type Prepared, readPrepared } from './record.ts'
import { conduct, type Run } from './run.ts'
import { chooseTactics, type Tactics } from './tactics.ts'
import { decideTarget, differences, type Target } from './target.ts'

/**
 * Deploys one release to one host. Never throws: a failure comes back as `error` beside the state
 * in which the host is.
 */
export function deploy(request: Request, seams: Seams): Promise<Outcome> {
  return conduct(request, seams, run => new Deploy(request, run).go())
}

class Deploy {
  readonly #request: Request
  readonly #run: Run

  constructor(request: Request, run: Run) {
    this.#request = request
    this.#run = run
  }

  async go(): Promise<void> {
    const { source, planOnly, strategy, given } = this.#request
    const { outcome } = this.#run
    const facts = await this.#readFacts()
    const project = this.#run.judge(facts, source.config)
    const image = this.#image(project)
    const target = decideTarget(source, facts, project, image, given)
    refuseForeignImage(project, repositoryOf(image), target.built)
    const why = differences(target, facts)
    const tactics = chooseTactics(target, facts, source.config, { strategy })
    outcome.image = image
    outcome.previous = facts.current?.id
    this.#run.tellPlan(planRows(target, facts, tactics, why), target)
    if (planOnly) {
      outcome.state = 'planned'
    } else if (why.length === 0) {
      outcome.state = 'unchanged'
      outcome.release = facts.current?.id
    } else await this.#apply(facts, target, tactics)
  }

  async #readFacts(): Promise<Facts> {
    const { source, given, login, planOnly } = this.#request
    const { path, compose } = source.config
    const probes = factProbes(path, compose)
    const stdin = await handover(source, given, login)
    // A plan changes nothing and needs no lock.
    if (!planOnly) this.#run.takeLock(path)
    return probes.read(await this.#run.read('preflight', path, probes.script, stdin))
  }

  #image(project: Project): string {
    const { image, repository } = this.#request
    const name = 'name' in image ? image.name : builtRepository(project, repository)
    return `${name}@${image.digest}`
  }

  async #apply(facts: Facts, target: Target, tactics: Tactics): Promise<void> {
    const { source } = this.#request
    const { config } = source
    const { clock } = this.#run.seams
    const release = releaseId(new Date(clock.now()), target.image.split('@')[1] as string)
    const place: Place = {
      path: config.path,
      compose: config.compose,
      project: target.project.name,
      release
    }
    const timeoutS = Math.ceil(config.health.timeoutMs / 1000)
    this.#run.outcome.release = release
    let prepared: Prepared
    try {
      prepared = readPrepared(await this.#prepare(place, target, facts, timeoutS))
    } catch (error) {
      const told = this.#run.tell(error)
      await this.#run.discard(facts, place, target)
      throw told
    }
    this.#run.outcome.state = 'unknown'
    try {
      await this.#run.switch(place, target, config, tactics, prepared.imageTest)
    } catch (error) {
      const told = this.#run.tell(error)
      await this.#run.restore(facts, place, target, config, tactics, error)
      throw told
    }
    const live = newManifest(place, target, prepared, this.#request, new Date(clock.now()))
    const pruned = releasesToPrune(facts.releases, live, facts.current?.id, config.keep)
    const kept = facts.releases.filter(one => !pruned.includes(one))
    await this.#run.script(
      commitScript(place, live, pruned, kept, facts.unfinished),
      JSON.stringify(live, null, 2)
    )
    this.#run.outcome.state = 'live'
  }

  /** Everything that the old release serves through; in one run, which is one round trip. */
  #prepare(
    place: Place,
    target: Target,
    facts: Facts,
    timeoutS: number
  ): Promise<Map<string, string>> {
    const commands = this.#request.source.config.release
    const script = prepareScript(place, target, facts)
    if (commands.length === 0) return this.#run.script(script)
    const job = asJob(place, 'release', commandsScript(place, target, commands, timeoutS))
    return this.#run.script(`${script}\n${job.script}`, job.stdin)
  }
}
