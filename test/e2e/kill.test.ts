import { setTimeout as sleep } from 'node:timers/promises'
import { connection, rebootVps, resetVps, restartVpsEngine, up, vpsExec } from '@diveops/lab'
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals'
import type { Options, Outcome } from '../harness/action.ts'
import { expectApplied, expectClean } from '../harness/after.ts'
import { type Forwarder, startForwarder } from '../harness/forwarder.ts'
import {
  buildTiny,
  byPort,
  checkoutTiny,
  deployTiny,
  edit,
  onServer,
  removeAll,
  site,
  siteAgain
} from '../harness/tiny.ts'
import { startWriter } from '../harness/writer.ts'

jest.setTimeout(300_000)

/** Moments for each way to die: thirty in `npm run test:faults`, one in `npm test`. */
const MOMENTS = Number(process.env.DIVEOPS_KILLS ?? 1)

/** Ways to die in the middle of a deploy, and whether the run itself outlives them. */
const WAYS: Record<string, { outlives: boolean; strike: (wire: Forwarder) => unknown }> = {
  'a connection that is reset': { outlives: true, strike: wire => wire.reset() },
  'a connection that falls silent': { outlives: true, strike: wire => wire.silence() },
  'SIGKILL of the action': { outlives: false, strike: () => killer.abort() },
  'a loss of power': { outlives: false, strike: rebootVps },
  'a restart of the Docker engine': { outlives: false, strike: restartVpsEngine },
  'the end of its sshd': {
    outlives: true,
    strike: () => vpsExec('pkill -KILL -u captain sshd; true')
  }
}

const folders: string[] = []
const digests = { r1: '', r2: '' }
let workspace = ''
let wire: Forwarder
let killer = new AbortController()
/** How long a deploy takes from its first line to its last, in milliseconds. */
let length = 0
const struck: string[] = []

beforeAll(async () => {
  await up(() => {})
  await resetVps()
  for (const name of ['r1', 'r2'] as const) digests[name] = await buildTiny(name)
  workspace = await checkoutTiny(copy =>
    edit(copy, 'diveops.yml', 'release:', 'health: {bake: 1s}\nrelease:')
  )
  folders.push(workspace)
  await mustDeploy('r1')
  await mustDeploy('r2')
  // With both images on the host, as all that follow.
  const began = performance.now()
  await mustDeploy('r1')
  length = performance.now() - began
})
beforeEach(async () => {
  const lab = await connection()
  wire = await startForwarder(lab.LAB_SSH_HOST, Number(lab.LAB_SSH_PORT))
  killer = new AbortController()
})
afterEach(() => wire.close())
afterAll(async () => {
  await removeAll(folders)
  console.log(`a deploy of ${Math.round(length)} ms was struck in:\n${struck.join('\n')}`)
})

async function mustDeploy(release: 'r1' | 'r2'): Promise<void> {
  const outcome = await deployTiny(workspace, { digest: digests[release], strategy: 'roll' })
  if (outcome.code !== 0) throw new Error(outcome.log)
}

/** Deploys by way of the wire. */
async function deployByWire(release: 'r1' | 'r2', options: Options): Promise<Outcome> {
  return deployTiny(
    workspace,
    { digest: digests[release], strategy: 'roll', ...(await byPort(wire.port)) },
    options
  )
}

const migrations = async () =>
  Number(await onServer('docker exec tiny-web-1 cat /data/migrations | wc -l'))

const cases = Object.keys(WAYS).flatMap((way, at) =>
  Array.from({ length: MOMENTS }, (_, n) => {
    // Each way strikes at other moments, so that even the few of `npm test` are spread.
    const fraction = (n + (at + 0.5) / Object.keys(WAYS).length) / MOMENTS
    return [way, Math.round(fraction * 1000) / 10] as const
  })
)

test.each(cases)('%s after %s %% of a deploy', async (way, percent) => {
  const { outlives, strike } = WAYS[way] as (typeof WAYS)[string]
  const release = (await site()).includes('release r1') ? 'r2' : 'r1'
  const before = await migrations()
  const writer = startWriter((await connection()).LAB_HTTP)
  let log = ''
  const running = deployByWire(release, {
    kill: killer.signal,
    onOutput: text => {
      log += text
    }
  })
  await sleep((length * percent) / 100)
  struck.push(`${way}: ${/→ ([^\n]*)\n[^→]*$/.exec(log)?.[1] ?? 'connect'}`)
  await strike(wire)
  const first = await running

  // Never neither: the old release or the new one.
  expect(await siteAgain(/^release r[12],/)).toMatch(/^release r[12],/)
  if (outlives) expect([first.outputs.state, first.log]).toEqual(['live', expect.anything()])
  const again = await deployByWire(release, {})
  const settled = first.outputs.state === 'live' ? ['unchanged'] : ['live', 'unchanged']
  expect([again.outputs.state, first.log + again.log]).toEqual([
    expect.stringMatching(new RegExp(`^(${settled.join('|')})$`)),
    expect.anything()
  ])
  expect(await site()).toBe(`release ${release}, hello from the template`)
  const { confirmed, unsure } = await writer.stop()
  await expectClean()
  expect(await onServer('ls .diveops/jobs releases/*/release.json.new .env.new 2> /dev/null')).toBe(
    ''
  )
  expect(await onServer('ls -d releases/* | wc -l')).toBe(
    await onServer('ls releases/*/release.json | wc -l')
  )
  expect(confirmed.length).toBeGreaterThan(0)
  await expectApplied(confirmed)
  const applied = (await onServer('docker exec tiny-web-1 cat /data/bookings')).split('\n')
  expect(applied.filter(line => unsure.includes(line))).toHaveLength(
    new Set(applied.filter(line => unsure.includes(line))).size
  )
  // Each release has its commands run once, however often its connection broke.
  const runs = (await migrations()) - before
  if (outlives) expect(runs).toBe(1)
  else expect(runs).toBeLessThanOrEqual(2)
})
