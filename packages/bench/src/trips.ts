import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { connection, knownHosts, resetVps, up } from '@diveops/lab'
import { type AppImage, buildImage, checkOut, expectSite } from './app.ts'
import type { Options } from './benchmark.ts'
import {
  byRtt,
  FAR,
  noSamples,
  RTTS,
  type Rtt,
  ratios,
  type Samples,
  wayFigures
} from './figures.ts'
import { compileNetdelay, refuseSecondLink, SERVER_ADDRESS, withLink } from './link.ts'
import { ourDeploy, type Way } from './ours.ts'
import { partsTable, waysTable } from './report.ts'
import { median, round } from './statistics.ts'
import { baselineDeploy } from './theirs.ts'
import { timed } from './timed.ts'
import { ensureTools, refuseWithoutDevices } from './tools.ts'

/** What a round needs. */
interface Stage {
  r1: AppImage
  r2: AppImage
  workspace: string
  netdelay: string
  knownHostsFile: string
  /** A process in the server's network namespace. */
  pid: number
}

/**
 * Measures deploys over a slow link: a full one, an unchanged one, and the baseline's, which makes
 * a connection for each of its commands. All links and ways run in every round, so that whatever
 * else the machine does meets all of them alike.
 */
export async function trips(options: Options) {
  const { repeat, say, signal } = options
  refuseWithoutDevices()
  ensureTools(say, ['cc', 'ip', 'ssh', 'git'])
  refuseSecondLink()
  await up(say)
  say('the app that runs on the server of the lab, if any, is removed')
  const folder = await mkdtemp(path.join(tmpdir(), 'diveops-bench-'))
  const samples = noSamples()
  const connects: Record<Rtt, number[]> = { 0: [], 50: [], 100: [] }
  let workspace: string | undefined
  try {
    await resetVps()
    workspace = await checkOut(signal)
    const stage = await prepare(folder, workspace, options)
    for (let turn = 1; turn <= repeat; turn++) {
      for (const rtt of RTTS) {
        connects[rtt].push(await measure(stage, rtt, samples, signal))
        const [ours, again, theirs] = [samples.deploy, samples.unchanged, samples.baseline]
          .map(way => way[rtt].at(-1)?.ms ?? 0)
          .map(ms => `${round(ms)} ms`)
        say(`round ${turn}, RTT ${rtt} ms: full ${ours}, unchanged ${again}, baseline ${theirs}`)
      }
      await measure(stage, FAR, samples, signal)
      say(`round ${turn}, RTT ${FAR} ms: done`)
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
    if (workspace !== undefined) await rm(workspace, { recursive: true, force: true })
    await resetVps()
  }
  const deploy = wayFigures(samples.deploy)
  const unchanged = wayFigures(samples.unchanged)
  const baseline = wayFigures(samples.baseline)
  const ratio = ratios(deploy, baseline)
  say(`\n${waysTable({ deploy, unchanged, baseline }, ratio)}`)
  say(`\nparts of a full deploy\n${partsTable(deploy)}`)
  say(`\nparts of the baseline\n${partsTable(baseline)}\n`)
  const connectMs = byRtt(rtt => round(median(connects[rtt]), 1))
  return { bench: 'trips', repeat, connectMs, ratio, deploy, unchanged, baseline }
}

/** Everything is on the server before the first round: both images, and a release of each. */
async function prepare(
  folder: string,
  workspace: string,
  { say, signal }: Options
): Promise<Stage> {
  const netdelay = await compileNetdelay(folder, signal)
  const r1 = await buildImage('r1')
  signal.throwIfAborted()
  const r2 = await buildImage('r2')
  signal.throwIfAborted()
  const knownHostsFile = path.join(folder, 'known_hosts')
  await writeFile(knownHostsFile, await knownHosts(SERVER_ADDRESS))
  for (const image of [r1, r2]) await ourDeploy(image, 'live', direct(workspace), signal)
  say('ready')
  return { r1, r2, workspace, netdelay, knownHostsFile, pid: await serverPid(signal) }
}

/**
 * Each timed deploy finds the other image live, put there by ours: ours so replaces what its own
 * record knows, and the baseline the same. Returns the time of a TCP connection.
 */
async function measure(
  { r1, r2, workspace, netdelay, knownHostsFile, pid }: Stage,
  rtt: Rtt | typeof FAR,
  samples: Samples,
  signal: AbortSignal
): Promise<number> {
  await ourDeploy(r1, 'live', direct(workspace), signal)
  // As the baseline does it: the bridge and the watching of a roll would be work that it does not do.
  const slow: Way = { route: 'slow', strategy: 'recreate', workspace }
  return withLink(netdelay, pid, rtt, async connectMs => {
    samples.deploy[rtt].push(await ourDeploy(r2, 'live', slow, signal))
    await expectSite(r2)
    samples.unchanged[rtt].push(await ourDeploy(r2, 'unchanged', slow, signal))
    if (rtt === FAR) return connectMs
    samples.baseline[rtt].push(await baselineDeploy(r1, knownHostsFile, signal))
    await expectSite(r1)
    return connectMs
  })
}

function direct(workspace: string): Way {
  return { route: 'direct', strategy: 'recreate', workspace }
}

/** The server is the container that has the lab's SSH port. */
async function serverPid(signal: AbortSignal): Promise<number> {
  const { LAB_SSH_PORT } = await connection()
  const docker = async (...words: string[]) =>
    (await timed('docker', words, { signal })).output.trim()
  const id = await docker('ps', '-q', '--filter', `publish=${LAB_SSH_PORT}`)
  const pid = Number(await docker('inspect', '-f', '{{.State.Pid}}', id))
  if (!(pid > 0)) throw new Error(`no container has the port ${LAB_SSH_PORT} of the lab's server`)
  return pid
}
