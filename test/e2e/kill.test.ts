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
  mustDeploy,
  onServer,
  site,
  siteAgain
} from '../harness/tiny.ts'
import { startWriter, type Writer } from '../harness/writer.ts'

jest.setTimeout(300_000)

/** Moments for each way to die: many in `npm run test:faults`, one in `npm test`. */
const MOMENTS = Number(process.env.DIVEOPS_KILLS ?? 1)

/**
 * The steps in which a deploy is struck. The log says when it comes to one, so that a strike falls in
 * it however fast the machine is; `connect` begins with the run and ends with `upload`.
 */
const STEPS = ['connect', 'upload', 'release', 'roll web', 'bake web', 'replace web', 'commit']

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

const digests = { r1: '', r2: '' }
let workspace = ''
let wire: Forwarder
let writer: Writer
let killer = new AbortController()
/** How long each step takes, in milliseconds. */
const lengths = new Map<string, number>()
const struck: string[] = []

beforeAll(async () => {
  await up(() => {})
  await resetVps()
  for (const name of ['r1', 'r2'] as const) digests[name] = await buildTiny(name)
  workspace = await checkoutTiny(copy =>
    edit(copy, 'diveops.yml', 'release:', 'health: {bake: 1s}\nrelease:')
  )
  await mustDeploy(workspace, digests.r1)
  await mustDeploy(workspace, digests.r2)
  // With both images on the host, as all that follow.
  const began = [performance.now()]
  let log = ''
  await mustDeploy(
    workspace,
    digests.r1,
    {},
    {
      onOutput: text => {
        log += text
        const next = STEPS[began.length]
        if (next !== undefined && comesTo(next, log)) began.push(performance.now())
      }
    }
  )
  expect([began.length, log]).toEqual([STEPS.length, expect.anything()])
  began.push(performance.now())
  for (const [at, step] of STEPS.entries()) {
    lengths.set(step, (began[at + 1] as number) - (began[at] as number))
  }
})
beforeEach(async () => {
  const lab = await connection()
  wire = await startForwarder(lab.LAB_SSH_HOST, Number(lab.LAB_SSH_PORT))
  writer = startWriter(lab.LAB_HTTP)
  killer = new AbortController()
})
afterEach(async () => {
  await writer.stop()
  await wire.close()
})
afterAll(async () => {
  const spans = [...lengths].map(([step, span]) => `${step} ${Math.round(span)}`).join(', ')
  console.log(`a deploy (in ms: ${spans}) was struck:\n${struck.join('\n')}`)
})

/** Whether a deploy with this log has come to a step. */
function comesTo(step: string, log: string): boolean {
  return log.split('\n').some(line => line.endsWith(`→ ${step}`))
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

/** Each way strikes in every step, further into it each time; where it begins differs by the way. */
const cases: [way: string, percent: number, step: string][] = Object.keys(WAYS).flatMap((way, at) =>
  Array.from({ length: MOMENTS }, (_, n) => {
    const percent = Math.round(((n + 0.5) / MOMENTS) * 100)
    return [way, percent, STEPS[(at + 1 + n) % STEPS.length] as string]
  })
)
// Once it left the container of a command behind.
cases.push(['a loss of power', 40, 'release'])

test.each(cases)('%s, %s %% into step %s', async (way, percent, step) => {
  const { outlives, strike } = WAYS[way] as (typeof WAYS)[string]
  const release = (await site()).includes('release r1') ? 'r2' : 'r1'
  const before = await migrations()
  let log = ''
  let striking: Promise<unknown> | undefined
  const comes = () => {
    striking ??= sleep(((lengths.get(step) as number) * percent) / 100).then(() => {
      struck.push(`${way}: ${/→ ([^\n]*)\n[^→]*$/.exec(log)?.[1] ?? 'connect'}`)
      return strike(wire)
    })
  }
  if (step === 'connect') comes()
  const first = await deployByWire(release, {
    kill: killer.signal,
    onOutput: text => {
      log += text
      if (comesTo(step, log)) comes()
    }
  })
  expect([striking !== undefined, first.log]).toEqual([true, expect.anything()])
  await striking

  // Never neither: the old release or the new one.
  expect(await siteAgain(/^release r[12],/)).toMatch(/^release r[12],/)
  if (outlives) expect([first.outputs.state, first.log]).toEqual(['live', expect.anything()])
  const again = await deployByWire(release, {})
  struck.push(`  ${first.outputs.state ?? 'no outcome'}, then ${again.outputs.state}`)
  const settled = first.outputs.state === 'live' ? ['unchanged'] : ['live', 'unchanged']
  expect([again.outputs.state, first.log + again.log]).toEqual([
    expect.stringMatching(new RegExp(`^(${settled.join('|')})$`)),
    expect.anything()
  ])
  expect(await site()).toBe(`release ${release}, hello from the template`)
  const { confirmed, unsure } = await writer.stop()
  struck.push(`  ${confirmed.length} rows confirmed, ${unsure.length} requests without an answer`)
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
