import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { connection, resetVps, type Seen, startLoad, up } from '@diveops/lab'
import { APP, buildImage, checkOut, expectSite } from './app.ts'
import type { Options } from './benchmark.ts'
import { ourDeploy, type Sample } from './ours.ts'
import { type RollTimes, rollTimes, wayBackTime } from './rolltimes.ts'
import { median, round } from './statistics.ts'
import { type Stage, SWITCHES, type Switch } from './switches.ts'
import { table } from './table.ts'
import { ensureTools } from './tools.ts'

/** So long the load runs before a switch, and after it for what comes late. */
const MARGIN_MS = 3000

/** What visitors saw of one switch, and what it took. */
type Round = Sample & { seen: Seen }

/**
 * Measures what visitors lose while another image goes live: by deploy-vps, back by rollback, two
 * that are bad and taken back, by docker-rollout's way and by `up -d --force-recreate`, under the same
 * load and in every round.
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

/** Both good images are on the server, and the first one is live, a release of ours. */
async function putLive(
  workspace: string,
  signal: AbortSignal
): Promise<Pick<Stage, 'from' | 'to' | 'bad' | 'badInside'>> {
  const [from, to] = [await buildImage('r1'), await buildImage('r2')]
  const bad = await buildImage('r3', 'errors')
  const badInside = await buildImage('r4', 'errors-inside')
  for (const image of [to, from]) {
    await ourDeploy(image, 'live', { route: 'direct', strategy: 'recreate', workspace }, signal)
  }
  return { from, to, bad, badInside }
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
    await expectSite(stage[one.leaves])
    await one.after?.(stage)
    return { ...sample, seen }
  } finally {
    if (!seen) await load.stop()
  }
}

function figures(rounds: readonly Round[]) {
  const sum = (number: (one: Round) => number) => rounds.reduce((all, one) => all + number(one), 0)
  const seconds = (ms: number) => round(ms / 1000, 1)
  const rolls = rounds.flatMap(({ parts, log }) =>
    log === undefined ? [] : [rollTimes(parts, log, APP.web.service)]
  )
  const backs = rounds.flatMap(({ log = '' }) => wayBackTime(log) ?? [])
  const roll = (part: keyof RollTimes) => seconds(median(rolls.map(one => one[part])))
  return {
    lost: sum(({ seen }) => seen.lost.length),
    sent: sum(({ seen }) => seen.sent),
    retried: sum(({ seen }) => seen.retried),
    longestGapMs: Math.max(...rounds.map(({ seen }) => seen.longestGapMs)),
    s: seconds(median(rounds.map(({ ms }) => ms))),
    /** Of that the time in which the new release is watched, which the others do not do. */
    watchedS: seconds(median(rounds.map(({ parts }) => parts['bake web'] ?? 0))),
    /** What the time of a whole roll went into; `ownS` is what is neither the app's nor the visitors'. */
    ...(backs.length === 0 &&
      rolls.length > 0 && {
        roll: {
          wholeS: roll('whole'),
          startsS: roll('starts'),
          drainsS: roll('drains'),
          ownS: roll('own')
        }
      }),
    /** From the decision that a release is bad until nginx asks the old one alone. */
    ...(backs.length > 0 && { wayBackS: round(median(backs) / 1000, 2) }),
    all: rounds.map(({ ms, seen }) => ({
      lost: seen.lost.length,
      longestGapMs: seen.longestGapMs,
      s: seconds(ms)
    }))
  }
}

function downtimeTable(ways: Record<string, ReturnType<typeof figures>>): string {
  const head = [
    '',
    'lost',
    'sent',
    'longest gap ms',
    'whole s',
    'of it watching s',
    "roll's own s",
    'way back s'
  ]
  const rows = Object.entries(ways).map(([name, one]) => [
    name,
    ...[one.lost, one.sent, one.longestGapMs].map(String),
    one.s.toFixed(1),
    one.watchedS.toFixed(1),
    one.roll?.ownS.toFixed(1) ?? '',
    one.wayBackS?.toFixed(2) ?? ''
  ])
  return table(head, rows)
}
