import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { connection, resetVps, type Seen, startLoad, up } from '@diveops/lab'
import { type AppImage, buildImage, checkOut, expectSite } from './app.ts'
import type { Options } from './benchmark.ts'
import { ourDeploy, type Sample } from './ours.ts'
import { median, round } from './statistics.ts'
import { type Stage, SWITCHES, type Switch } from './switches.ts'
import { table } from './table.ts'
import { ensureTools } from './tools.ts'

/** So long the load runs before a switch, and after it for what comes late. */
const MARGIN_MS = 3000

/** What visitors saw of one switch, and what it took. */
type Round = Sample & { seen: Seen }

/**
 * Measures what visitors lose while another image goes live: by deploy-vps, back by rollback, by
 * docker-rollout's way and by `up -d --force-recreate`, under the same load and in every round.
 */
export async function downtime({ repeat, say, signal }: Options) {
  ensureTools(say, ['ssh', 'git'])
  await up(say)
  say('the app that runs on the server of the lab, if any, is removed')
  const rounds = new Map(SWITCHES.map(({ name }) => [name, [] as Round[]]))
  let workspace: string | undefined
  try {
    await resetVps()
    workspace = await checkOut(signal)
    const stage = { ...(await putLive(workspace, signal)), workspace, signal }
    for (let turn = 1; turn <= repeat; turn++) {
      for (const one of SWITCHES) {
        const result = await measure(one, stage)
        rounds.get(one.name)?.push(result)
        const { lost, sent, longestGapMs } = result.seen
        say(
          `round ${turn}, ${one.name}: ${lost.length} of ${sent} lost, gap ${longestGapMs} ms, ${round(result.ms / 1000, 1)} s`
        )
      }
    }
  } finally {
    if (workspace !== undefined) await rm(workspace, { recursive: true, force: true })
    await resetVps()
  }
  const ways = Object.fromEntries([...rounds].map(([name, all]) => [name, figures(all)]))
  say(`\n${downtimeTable(ways)}\n`)
  return { bench: 'downtime', repeat, ways }
}

/** Both images are on the server, and the first one is live, a release of ours. */
async function putLive(
  workspace: string,
  signal: AbortSignal
): Promise<{ from: AppImage; to: AppImage }> {
  const [from, to] = [await buildImage('r1'), await buildImage('r2')]
  for (const image of [to, from]) {
    await ourDeploy(image, 'live', { route: 'direct', strategy: 'recreate', workspace }, signal)
  }
  return { from, to }
}

async function measure(one: Switch, stage: Stage): Promise<Round> {
  await one.before?.(stage)
  const load = startLoad((await connection()).LAB_HTTP)
  let seen: Seen | undefined
  try {
    await sleep(MARGIN_MS, undefined, { signal: stage.signal })
    const sample = await one.go(stage)
    await sleep(MARGIN_MS, undefined, { signal: stage.signal })
    seen = await load.stop()
    await expectSite(one.name === 'rollback' ? stage.from : stage.to)
    await one.after?.(stage)
    return { ...sample, seen }
  } finally {
    if (!seen) await load.stop()
  }
}

function figures(rounds: readonly Round[]) {
  const sum = (number: (one: Round) => number) => rounds.reduce((all, one) => all + number(one), 0)
  const seconds = (ms: number) => round(ms / 1000, 1)
  return {
    lost: sum(({ seen }) => seen.lost.length),
    sent: sum(({ seen }) => seen.sent),
    retried: sum(({ seen }) => seen.retried),
    longestGapMs: Math.max(...rounds.map(({ seen }) => seen.longestGapMs)),
    s: seconds(median(rounds.map(({ ms }) => ms))),
    /** Of that the time in which the new release is watched, which the others do not do. */
    watchedS: seconds(median(rounds.map(({ parts }) => parts['bake web'] ?? 0))),
    all: rounds.map(({ ms, seen }) => ({
      lost: seen.lost.length,
      longestGapMs: seen.longestGapMs,
      s: seconds(ms)
    }))
  }
}

function downtimeTable(ways: Record<string, ReturnType<typeof figures>>): string {
  const head = ['', 'lost', 'sent', 'longest gap ms', 'whole s', 'of it watching s']
  const rows = Object.entries(ways).map(([name, one]) => [
    name,
    ...[one.lost, one.sent, one.longestGapMs].map(String),
    one.s.toFixed(1),
    one.watchedS.toFixed(1)
  ])
  return table(head, rows)
}
