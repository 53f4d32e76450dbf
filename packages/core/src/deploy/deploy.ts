import { builtRepository, type Project, repositoryOf } from '../app/compose.ts'
import { composeLine } from '../app/composeplace.ts'
import type { Schema } from '../app/migrations.ts'
import { UserError } from '../base/errors.ts'
import { isUnbuilt } from '../docker/reference.ts'
import { releaseId } from '../release/identity.ts'
import { ReadOnlyKey } from '../ssh/readonly.ts'
import { adopt } from './adopt.ts'
import { pruneBackupsScript, readBackups } from './backup.ts'
import { commandsScript } from './commands.ts'
import { commitScript, releasesToPrune } from './commit.ts'
import { conduct } from './conduct.ts'
import { type Facts, factProbes } from './facts.ts'
import { hostTexts, type ReadTexts, tellFileChanges } from './filediff.ts'
import { readGate } from './gatefacts.ts'
import { goLive } from './golive.ts'
import { handover } from './handover.ts'
import { tellBroken } from './kept.ts'
import { onHost, type Place } from './library.ts'
import type { Outcome, Request, Seams } from './outcome.ts'
import { addressOf } from './pairs.ts'
import { makePlan } from './plan.ts'
import { journalPlan, migrationLines } from './plantext.ts'
import { refuseForeignImage } from './preflight.ts'
import { prepareScript, saidScript } from './prepare.ts'
import { newManifest, type Prepared, readPrepared } from './record.ts'
import { putBack } from './restore.ts'
import type { Run } from './run.ts'
import {
  backupFor,
  inquiryScript,
  schemaOf,
  tellBackups,
  warnOfNewerSchema,
  withBackup
} from './schemasteps.ts'
import { chooseTactics, type Tactics } from './tactics.ts'
import { decideTarget, differences, type Target } from './target.ts'

/**
 * Deploys one release to one host. Never throws: a failure comes back as `error` beside the state
 * in which the host is.
 */
export function deploy(request: Request, seams: Seams): Promise<Outcome> {
  return conduct('deploy', request, seams, run => new Deploy(request, run).go())
}

class Deploy {
  readonly #request: Request
  readonly #run: Run
  #readTexts: ReadTexts
  #unasked: readonly string[] | undefined

  constructor(request: Request, run: Run) {
    this.#request = request
    this.#run = run
    this.#readTexts = hostTexts(run.host, request.source.config.path)
  }

  async go(): Promise<void> {
    const { source, planOnly, strategy, given, run } = this.#request
    const { outcome } = this.#run
    let facts = await this.#readFacts()
    const project = this.#judge(facts)
    const image = this.#image(project)
    let target = decideTarget(source, facts, project, image, given)
    refuseForeignImage(project, repositoryOf(image), target.built)
    if (!planOnly) {
      facts = await adopt(this.#run, facts, target, source.config)
      target = decideTarget(source, facts, project, image, given)
    }
    const why = differences(target, facts)
    const tactics = chooseTactics(target, facts, source.config, { strategy })
    tellBroken(facts, this.#run, 'putting this one live')
    Object.assign(outcome, {
      image: isUnbuilt(image) ? undefined : image,
      commit: run.commit,
      previous: facts.current?.id
    })
    outcome.url = addressOf(target.pairs, source.config.domains)
    const { path } = source.config
    const unasked = this.#unasked && { unasked: this.#unasked }
    const plan = { ...makePlan(target, facts, tactics, path, why), ...unasked }
    this.#run.tellPlan(plan, target)
    await tellFileChanges(this.#run.seams.log, path, target, plan, this.#readTexts)
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
    try {
      return probes.read(await this.#run.read('preflight', path, probes.script, stdin))
    } catch (error) {
      if (!(planOnly && error instanceof ReadOnlyKey)) throw error
      return await this.#readGate(error)
    }
  }

  /** The facts as a key tells them that may only read; the plan says what it does not tell. */
  async #readGate(key: ReadOnlyKey): Promise<Facts> {
    const { source, given } = this.#request
    const { log } = this.#run.seams
    log.info('  the key may only read: the compose file is resolved here')
    const { facts, readTexts, unasked } = await readGate(key, this.#run.host.name, source, given)
    this.#readTexts = readTexts
    this.#unasked = unasked
    return facts
  }

  /** What compose refuses is shown beside the line of the compose file that it speaks of. */
  #judge(facts: Facts): Project {
    const { config, files } = this.#request.source
    try {
      return this.#run.judge(facts, config)
    } catch (error) {
      if (!(error instanceof UserError && error.message.startsWith('compose file '))) throw error
      const text = files.find(({ path }) => path === config.compose)?.content.toString() ?? ''
      const line = composeLine(text, facts.config.error)
      throw new UserError(error.message, error.details, {
        cause: error,
        place: { file: config.compose, line }
      })
    }
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
    let schema: Schema | undefined
    try {
      ;[prepared, schema] = await this.#prepare(place, target, facts, timeoutS)
    } catch (error) {
      const told = this.#run.tell(withBackup(error, place, target.built, this.#run.seams.log))
      await this.#run.discard(facts, place, target)
      throw told
    }
    const live = newManifest(place, target, prepared, this.#request, new Date(clock.now()), schema)
    const pruned = releasesToPrune(facts.releases, live, facts.current?.id, config.keep)
    const kept = facts.releases.filter(one => !pruned.includes(one))
    const commit = `${commitScript(place, live, pruned, kept, facts.unfinished, this.#run.id)}\n${pruneBackupsScript(place, config.keep)}`
    this.#run.outcome.state = 'unknown'
    try {
      const { imageTest } = prepared
      await goLive(this.#run, { place, target, config, tactics, imageTest, facts, commit })
    } catch (error) {
      const told = this.#run.tell(error)
      await putBack(this.#run, {
        facts,
        failed: place,
        wanted: target,
        config,
        tactics,
        cause: error
      })
      warnOfNewerSchema(this.#run.outcome, schema, this.#run.seams.log)
      throw told
    }
    this.#run.outcome.state = 'live'
  }

  /**
   * Everything that the old release serves through: upload, pull, the question which migrations are
   * pending, backup and release commands. In one run, which is one round trip, when there is nothing
   * to ask.
   */
  async #prepare(
    place: Place,
    target: Target,
    facts: Facts,
    timeoutS: number
  ): Promise<[Prepared, Schema | undefined]> {
    const { config } = this.#request.source
    const { log } = this.#run.seams
    const { plan } = this.#run.outcome
    const first = `${prepareScript(place, target, facts)}\n${journalPlan(plan)}`
    const question = inquiryScript(place, target, config, timeoutS)
    if (question === undefined) {
      const work = this.#work(place, target, facts, undefined, timeoutS)
      // What prepare said is said by the job, too: its own lines may be lost with the connection.
      const said = await (work === ''
        ? this.#run.script(first)
        : this.#run.job(place, 'release', `${saidScript(place, target)}\n${work}`, first))
      this.#tellBackups(place, target, said)
      return [readPrepared(said), undefined]
    }
    const said = await this.#run.script(`${first}\n${question}`)
    const schema = schemaOf(said, log)
    if (schema) {
      plan.migrations = schema.pending
      for (const line of migrationLines(schema.pending)) log.info(`  ${line}`)
    }
    const work = this.#work(place, target, facts, schema, timeoutS)
    const journal = onHost(place, journalPlan(plan))
    this.#tellBackups(place, target, await this.#run.job(place, 'release', `${journal}\n${work}`))
    return [readPrepared(said), schema]
  }

  /** Backup and release commands as one script. */
  #work(
    place: Place,
    target: Target,
    facts: Facts,
    schema: Schema | undefined,
    timeoutS: number
  ): string {
    const { config } = this.#request.source
    const first = facts.current === undefined
    const backup = backupFor(place, target, config, schema, this.#run.seams.log, first)
    const commands =
      config.release.length > 0 ? [commandsScript(place, target, config.release, timeoutS)] : []
    return [...(backup === undefined ? [] : [backup]), ...commands].join('\n')
  }

  #tellBackups(place: Place, target: Target, said: ReadonlyMap<string, string>): void {
    const backups = readBackups(said)
    if (backups.length === 0) return
    this.#run.outcome.plan.backups = backups.map(({ file }) => file)
    tellBackups(place, backups, target.built, this.#run.seams.log)
  }
}
