import { proxyService } from '../app/compose.ts'
import type { AppConfig } from '../app/config.ts'
import { systemClock } from '../base/time.ts'
import type { Facts } from '../deploy/facts.ts'
import { liveProbes } from '../deploy/livefacts.ts'
import type { Seams } from '../deploy/outcome.ts'
import { originsOf } from '../deploy/pairs.ts'
import { judgeHost } from '../deploy/preflight.ts'
import { doors } from '../deploy/roll.ts'
import { type Row, rowsOf } from '../deploy/row.ts'
import { readConfiguration } from '../proxy/configuration.ts'
import { servedFolders, workerUser } from '../proxy/folders.ts'
import { type Host, mustRun } from '../ssh/host.ts'
import { BOX_PROBES } from './boxes.ts'
import { CERTIFICATE_PROBES, certificateRows, SETUP, tlsSites } from './certificates.ts'
import { composeRow, containerRows } from './containers.ts'
import { DATABASE_PROBES, databaseRows } from './database.ts'
import { DRIFT_PROBES, driftRows } from './drift.ts'
import { HOST_PROBES, hostRows } from './host.ts'
import { FUNCTIONS, LIST_PROBE } from './library.ts'
import { type Answers, questionsScript, readAnswers } from './questions.ts'
import { SAFETY_PROBES, safetyRows } from './safety.ts'
import type { Seen } from './seen.ts'
import { folderRows, siteRows } from './site.ts'
import { askForUpdates } from './updates.ts'

/** Everything that is read in the first round trip beside the facts of a deploy. */
export const PROBES = {
  composeFile: '[ -f "$P/$C" ]; there=$?; echo "$C"; exit "$there"',
  ...LIST_PROBE,
  ...HOST_PROBES,
  ...BOX_PROBES,
  ...DATABASE_PROBES,
  ...CERTIFICATE_PROBES,
  ...DRIFT_PROBES,
  ...SAFETY_PROBES
}

type AllSeen = Seen<keyof typeof PROBES>

const app = rowsOf('app')

/** What is examined, and how far. */
export interface Examination {
  /** What the app is as far as that is known here; its live release knows better. */
  config: AppConfig
  /** Milliseconds since the epoch. */
  now: number
  /** Only the first round trip: nothing is asked through the proxy, nor of registries. */
  brief?: boolean
  /** Aborted: the looking ends, by a failure. */
  signal?: AbortSignal
  /** Id of the run that asks and holds the lock; undefined when nobody's run does. */
  run?: string
}

/**
 * Looks at everything that a deploy needs and at what goes wrong on a server later, and returns a
 * row for each thing. Reads only, and takes no lock. Needs neither a checkout nor a live release.
 */
export async function examine(
  host: Host,
  { config, now, brief = false, signal, run }: Examination
): Promise<Row[]> {
  const probes = liveProbes(config.path, config.compose, PROBES, FUNCTIONS)
  const { stdout } = await mustRun(host, 'examining the host', probes.script, {
    ...(signal && { signal })
  })
  const { facts, sections } = probes.read(stdout)
  const [file = config.compose] = sections.composeFile.text.split('\n')
  const seen: AllSeen = {
    facts,
    sections,
    config: { ...(facts.current?.config ?? config), path: config.path, compose: file },
    project: facts.config.project,
    compose: { file, there: sections.composeFile.code === 0 },
    host: host.name,
    now
  }
  const rows = hostRows(seen)
  if (facts.engine.code !== 0) return rows
  const runs = facts.containers.length > 0
  if (!seen.compose.there && !facts.current && !runs) {
    const found = `none in ${config.path}`
    return [...rows, app.hint('app', found, { next: 'deploy it' }), ...safetyRows(seen)]
  }
  const proxy = proxyOf(seen)
  const answers = brief || proxy === undefined ? undefined : await ask(host, seen, proxy)
  const updates = brief ? [] : await askForUpdates(host, seen)
  return [
    ...rows,
    ...appRows(seen),
    ...containerRows(seen),
    ...(answers && proxy ? siteRows(seen, answers, proxy) : []),
    ...databaseRows(seen),
    ...(answers && proxy ? folderRows(seen, foldersOf(facts), answers, proxy) : []),
    ...certificateRows(seen, proxy, answers),
    ...driftRows(seen, run),
    ...updates,
    ...safetyRows(seen)
  ]
}

/** The compose file as the preflight of a deploy judges it. */
function appRows(seen: AllSeen): Row[] {
  return judgeHost(seen.facts, seen.config, seen.host, seen.now)
    .filter(({ name }) => name === 'compose file')
    .map(check => composeRow(seen, check))
}

function proxyOf({ project, facts, config }: AllSeen): string | undefined {
  if (!project) return undefined
  const service = facts.current?.proxy.service ?? config.proxy.service
  return service === undefined || service in project.services
    ? proxyService(project, service)
    : undefined
}

async function ask(host: Host, seen: AllSeen, proxy: string): Promise<Answers> {
  const { facts, config, project } = seen
  const sites = tlsSites(seen)
  const script = questionsScript({
    project: project?.name ?? '',
    doors: project ? doors({ project, proxy }) : [],
    origins: originsOf(facts.current?.pairs ?? [], config.domains),
    healthPath: config.health.path,
    folders: foldersOf(facts),
    worker: workerUser(readConfiguration(facts.nginx ?? '')),
    names: sites.flatMap(({ names }) => names.filter(name => !/^[*.]/.test(name)))
  })
  const { stdout } = await mustRun(host, `asking service '${proxy}'`, script)
  return readAnswers(stdout)
}

function foldersOf({ nginx }: Facts) {
  return nginx === undefined ? [] : servedFolders(readConfiguration(nginx))
}

/** Looks at the host after a failed run, as far as one round trip goes. */
export function examineAfter(config: AppConfig): NonNullable<Seams['examine']> {
  return (host, signal, run) =>
    examine(host, { config, now: systemClock.now(), brief: true, signal, run })
}

/** The same after a failed setup-ssl, which is no help when it says that it should be run. */
export function examineAfterSetup(config: AppConfig): NonNullable<Seams['examine']> {
  const look = examineAfter(config)
  return async (...words) => (await look(...words)).filter(({ next }) => next !== SETUP)
}
