import { proxyService } from '../app/compose.ts'
import { type AppConfig, parseConfig } from '../app/config.ts'
import { UserError } from '../base/errors.ts'
import type { Manifest } from '../release/manifest.ts'
import { chooseProfile } from '../tls/authority.ts'
import { type Lineage, lineages } from '../tls/lineages.ts'
import type { PreflightRow } from '../tls/preflight.ts'
import type { Proof } from '../tls/proof.ts'
import { conduct } from './conduct.ts'
import { type Facts, factProbes, releaseProbes } from './facts.ts'
import { handover } from './handover.ts'
import { type Kept, putKeptLive } from './kept.ts'
import type { Live, SecureRequest } from './live.ts'
import { failuresOf, runInitSslScript } from './obtain.ts'
import type { Outcome, Seams } from './outcome.ts'
import { originsOf } from './pairs.ts'
import { installRenewal, lookAtRenewal, placeScript } from './renewal.ts'
import type { Run } from './run.ts'
import { firstLook, lookAhead, proveAll, webrootOf } from './securelook.ts'
import { differences, keptTarget, type Target } from './target.ts'

/** How a run of setup-ssl ended. */
export interface Secured extends Outcome {
  /** The preflight's table; empty when no order was needed. */
  rows: PreflightRow[]
  /** Certificates that the authority was asked for in this run. */
  obtained: string[]
  certificates: Proof[]
}

/**
 * Puts the live release on HTTPS: obtains the certificates that are missing or due, switches nginx
 * and the variables that follow it by a roll, proves every name over the wire and installs the
 * renewal. Does nothing, and asks no authority, when all that is so. Never throws.
 */
export async function secure(request: SecureRequest, seams: Seams): Promise<Secured> {
  const found = { rows: [], obtained: [], certificates: [] }
  const outcome = await conduct('setup-ssl', request, seams, run =>
    new Secure(request, run, found).go()
  )
  return { ...outcome, ...found }
}

class Secure {
  readonly #request: SecureRequest
  readonly #run: Run
  readonly #found: Pick<Secured, 'rows' | 'obtained' | 'certificates'>

  constructor(
    request: SecureRequest,
    run: Run,
    found: Pick<Secured, 'rows' | 'obtained' | 'certificates'>
  ) {
    this.#request = request
    this.#run = run
    this.#found = found
  }

  async go(): Promise<void> {
    const { path, domains, stagingOnly } = this.#request
    const { outcome, seams } = this.#run
    this.#run.takeLock(path)
    const live = await this.#readLive()
    outcome.release = live.release.id
    const wanted = lineages(domains, live.config.domains)
    if (wanted.length === 0) {
      throw new UserError(
        "there is no domain to secure: name some in diveops.yml ('domains', and deploy), or in the input 'domains'"
      )
    }
    const looks = firstLook(live, wanted)
    for (const { lineage, why } of looks) {
      seams.log.info(
        `  ${lineage.name}: ${why ?? 'certificate is there, with more than a third of its life left'}`
      )
    }
    const missing = looks.filter(({ why }) => why !== undefined).map(({ lineage }) => lineage)
    if (stagingOnly) {
      await this.#prepareOrder(live, wanted)
      await this.#tryOut(live, wanted)
      outcome.state = 'planned'
      return
    }
    if (missing.length === 0 && (await this.#isDone(live, wanted))) {
      outcome.state = 'unchanged'
      return
    }
    const failures = missing.length > 0 ? await this.#obtain(live, missing) : []
    if (missing.length === 0) await this.#keepScript(live, wanted)
    await this.#serve(live, wanted)
    await installRenewal(live, this.#run)
    if (failures.length > 0) throw this.#failed(failures)
  }

  /** Reads the host under the lock, with the files of the live release. */
  async #readLive(): Promise<Live> {
    const { path, strategy } = this.#request
    const releases = releaseProbes(path)
    const known = releases.read(await this.#run.read('releases', path, releases.script))
    const { current, broken } = known
    if (!current) {
      throw new UserError(
        `no release is live in ${path} on ${this.#run.host.name}; put the app live with deploy-vps first`
      )
    }
    // Half of another release is no ground to build on.
    if (broken) await putKeptLive(this.#run, { path, strategy, login: undefined }, current)
    const config = { ...(current.config ?? parseConfig('')), path, compose: current.compose }
    const facts = await this.#readFacts(current, config)
    const project = this.#run.judge(facts, config)
    const proxy = proxyService(project, config.proxy.service)
    if (proxy === undefined || facts.nginx === undefined) {
      throw new UserError(
        `no nginx of the app serves port 80 on ${this.#run.host.name}; other proxies obtain certificates by themselves`
      )
    }
    const place = { path, compose: current.compose, project: project.name, release: current.id }
    return { release: current, facts, project, config, place, proxy }
  }

  async #readFacts(release: Manifest, config: AppConfig): Promise<Facts> {
    const probes = factProbes(config.path, release.compose, release.id)
    const secrets = await handover({ config, files: [], template: [] }, [], undefined)
    return probes.read(await this.#run.read('look', config.path, probes.script, secrets))
  }

  /** Whether every name is served with its certificate, and the renewal is installed. */
  async #isDone(live: Live, wanted: readonly Lineage[]): Promise<boolean> {
    const { release, facts, project } = live
    const target = keptTarget(release, project, facts, release.files)
    if (differences(target, facts).length > 0 || target.variant !== 'https') return false
    const { installed, current } = await lookAtRenewal(live, this.#run)
    if (!installed || !current || facts.renewal?.result === 'failed') return false
    const proofs = await proveAll(live, wanted)
    this.#found.certificates.push(...proofs)
    return proofs.every(({ problems }) => problems.length === 0)
  }

  /** The preflight, which costs nothing, and `init-ssl.sh` in place. Throws when a row is red. */
  async #prepareOrder(live: Live, needed: readonly Lineage[]): Promise<void> {
    const { rows, webroot, profiles } = await lookAhead(live, needed, this.#request, this.#run)
    const { log } = this.#run.seams
    this.#found.rows.push(...rows)
    for (const { name, found, todo } of rows) {
      log.info(`  ${todo ? '✗' : '✓'} ${name}: ${found}${todo ? ` → ${todo}` : ''}`)
    }
    const red = rows.filter(({ todo }) => todo !== undefined)
    if (red.length > 0) {
      const [first, ...others] = red.map(({ name, found, todo }) => `${name}: ${found}; ${todo}`)
      throw new UserError(`no order was made: ${first}`, others)
    }
    const told = { webroot, profile: chooseProfile(profiles) }
    await placeScript(live, needed, this.#request, told, this.#run)
  }

  /** The host of certificates that need no order gets `init-ssl.sh` as well, or today's. */
  async #keepScript(live: Live, wanted: readonly Lineage[]): Promise<void> {
    const { current } = await lookAtRenewal(live, this.#run)
    if (current) return
    const webroot = webrootOf(live)
    if (typeof webroot !== 'string') {
      throw new UserError(
        `nothing can renew the certificates: nginx ${webroot.found}; ${webroot.todo}`
      )
    }
    const told = { webroot, profile: chooseProfile([]) }
    const known = lineages([], live.config.domains).map(({ name }) => name)
    const others = wanted.filter(({ name }) => !known.includes(name))
    await placeScript(live, others, this.#request, told, this.#run)
  }

  async #tryOut({ place }: Live, needed: readonly Lineage[]): Promise<void> {
    const names = needed.map(({ name }) => name)
    const script = runInitSslScript(place, 'staging', '--dry-run', names)
    const failures = failuresOf(await this.#run.job(place, 'staging', script))
    if (failures.length > 0) {
      throw new UserError(
        `the try at the staging failed, no order was made: ${failures[0]}`,
        failures.slice(1)
      )
    }
  }

  /** Tries at the staging, then one order for each certificate; returns those that failed. */
  async #obtain(live: Live, missing: readonly Lineage[]): Promise<string[]> {
    await this.#prepareOrder(live, missing)
    const failures: string[] = []
    let names = missing.map(({ name }) => name)
    if (this.#request.stagingDirectory !== undefined) {
      const script = runInitSslScript(live.place, 'staging', '--dry-run', names)
      failures.push(...failuresOf(await this.#run.job(live.place, 'staging', script)))
      names = names.filter(name => !failures.some(text => text.startsWith(`${name}: `)))
      if (names.length === 0) throw this.#failed(failures)
    }
    const script = runInitSslScript(live.place, 'order', '', names)
    const refused = failuresOf(await this.#run.job(live.place, 'order', script))
    failures.push(...refused)
    this.#found.obtained.push(
      ...names.filter(name => !refused.some(text => text.startsWith(`${name}: `)))
    )
    if (this.#found.obtained.length === 0) throw this.#failed(failures)
    return failures
  }

  #failed(failures: readonly string[]): UserError {
    return new UserError(
      `no certificate for ${failures[0]}`,
      failures.slice(1).map(text => `no certificate for ${text}`)
    )
  }

  /** Lets nginx serve what is there now and proves it; puts everything back when it cannot. */
  async #serve(live: Live, wanted: readonly Lineage[]): Promise<void> {
    const { release, place } = live
    const { outcome } = this.#run
    const { path, strategy } = this.#request
    const prove = ({ facts, target }: Kept) => this.#prove({ ...live, facts }, target, wanted)
    const request = { path, strategy, login: undefined }
    const kept = await putKeptLive(this.#run, request, release, prove)
    if (outcome.state === 'live') return
    outcome.state = 'untouched'
    await this.#run.script(runInitSslScript(place, 'reload', '--serve', []))
    await prove(kept)
    outcome.state = 'live'
  }

  /** Proves each name that nginx is to serve over HTTPS. */
  async #prove(live: Live, { pairs }: Target, wanted: readonly Lineage[]): Promise<void> {
    const secured = wanted
      .map(({ name, names }) => {
        const origins = originsOf(pairs, [...live.config.domains, names])
        return { name, names: names.filter(one => origins.includes(`https://${one}`)) }
      })
      .filter(({ names }) => names.length > 0)
    if (secured.length === 0) return
    this.#run.begin('proof')
    const proofs = await proveAll(live, secured)
    this.#found.certificates.push(...proofs)
    for (const { name, serial, notAfter, problems, warnings } of proofs) {
      const { log } = this.#run.seams
      if (problems.length > 0) continue
      log.info(`  ✓ ${name}: certificate ${serial} until ${notAfter.toISOString().slice(0, 10)}`)
      for (const warning of warnings) log.warning(`${name}: ${warning}`)
    }
    const problems = proofs.flatMap(one => one.problems)
    if (problems.length > 0) {
      throw new UserError(`HTTPS is not proven: ${problems[0]}`, problems.slice(1))
    }
  }
}
