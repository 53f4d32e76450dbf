import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { Cancelled } from '../../packages/core/src/base/errors.ts'
import { silentLog } from '../../packages/core/src/base/log.ts'
import { systemClock } from '../../packages/core/src/base/time.ts'
import { conduct } from '../../packages/core/src/deploy/conduct.ts'
import type { Place } from '../../packages/core/src/deploy/library.ts'
import type { Outcome } from '../../packages/core/src/deploy/outcome.ts'
import type { Run } from '../../packages/core/src/deploy/run.ts'
import { bundle } from '../../packages/core/src/release/bundle.ts'
import { type Connection, connect } from '../../packages/core/src/ssh/connect.ts'
import { SteadyHost } from '../../packages/core/src/ssh/steady.ts'
import { type Forwarder, startForwarder } from '../harness/forwarder.ts'
import { type Sshd, startSshd } from '../harness/sshd.ts'
import { eventually } from './wait.ts'

let sshd: Sshd
let wire: Forwarder
let place: Place
let lines: string[] = []

beforeAll(async () => {
  sshd = await startSshd({ hostKeys: ['ed25519'] })
}, 120_000)
beforeEach(async () => {
  wire = await startForwarder('127.0.0.1', sshd.port)
  const app = mkdtempSync(path.join(sshd.dir, 'app-'))
  place = { path: app, compose: 'compose.yml', project: 'app', release: 'r1' }
  lines = []
})
afterEach(() => wire.close())
afterAll(() => sshd.stop())

const log = {
  ...silentLog,
  info: (line: string) => lines.push(line),
  warning: (line: string) => lines.push(`warning: ${line}`)
}

interface Extra {
  patienceMs?: number
  cancel?: AbortSignal
  actor?: string
}

/** A connection by way of the wire, which notices silence within a second. */
function open(): Promise<Connection> {
  return connect(
    sshd.target({
      port: wire.port,
      knownHosts: sshd.knownHosts().replace(`:${sshd.port}`, `:${wire.port}`)
    }),
    { keepaliveMs: 300, keepaliveCount: 3, retries: 0 }
  )
}

/** A run on the host by way of the wire. */
function run(body: (run: Run) => Promise<void>, { actor = 'me', ...extra }: Extra = {}) {
  return conduct(
    'deploy',
    {
      strategy: 'roll',
      lockTimeoutMs: 60_000,
      run: { url: `https://example.com/${actor}`, actor }
    },
    { connect: open, clock: systemClock, log, patienceMs: 20_000, ...extra },
    async one => {
      one.takeLock(place.path)
      await one.read('look', place.path, 'echo looked')
      await body(one)
    }
  )
}

/** A job that counts to twelve in some two seconds, and says in a file that it began. */
const COUNT = `echo began >> began
for n in 1 2 3 4 5 6 7 8 9 10 11 12; do echo "@note line $n"; sleep 0.15; done
echo '@answer 42'`
const counted = Array.from({ length: 12 }, (_, i) => `  line ${i + 1}`)
const inPlace = (script: string) => `cd ${place.path} || exit 1\n${script}`
const file = (name: string) => path.join(place.path, name)
const heard = (text: string) => eventually(() => lines.includes(`  ${text}`), 20_000)
const journal = () =>
  readFileSync(file('.diveops/journal.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, string>)

function ok(outcome: Outcome): void {
  if (outcome.error) throw outcome.error
}

test.each<[string, () => void]>([
  ['a reset', () => wire.reset()],
  ['silence', () => wire.silence()],
  [
    'the end of its process on the host',
    () => process.kill(sshd.sessions().at(-1) as number, 'SIGKILL')
  ]
])(
  '%s: a job goes on, is run once and heard to its end',
  async (_name, breakIt) => {
    let answer: string | undefined
    const running = run(async one => {
      answer = (await one.job(place, 'count', inPlace(COUNT))).get('answer')
    })
    await heard('line 4')
    breakIt()
    ok(await running)
    expect(answer).toBe('42')
    expect(lines.filter(line => line.startsWith('  line'))).toEqual(counted)
    expect(lines.join('\n')).toMatch(/warning: .*connection lost while .* ran .*; connecting again/)
    expect(readFileSync(file('began'), 'utf8')).toBe('began\n')
    await eventually(() => !existsSync(file('.diveops/jobs')))
    expect(journal().map(({ event }) => event)).toEqual(['begin', 'gone', 'again', 'end'])
  },
  60_000
)

test('a connection that breaks again and again', async () => {
  const running = run(async one => {
    await one.job(place, 'count', inPlace(COUNT))
  })
  for (const at of ['line 2', 'line 5', 'line 8', 'line 11']) {
    await heard(at)
    wire.reset()
  }
  ok(await running)
  expect(lines.filter(line => line.startsWith('  line'))).toEqual(counted)
  expect(readFileSync(file('began'), 'utf8')).toBe('began\n')
}, 60_000)

test('a script that is no job is asked again, with what was brought', async () => {
  const tar = await bundle([{ name: 'stage/file', content: 'brought', mode: 0o644 }])
  let said: Map<string, string> | undefined
  const running = run(async one => {
    await one.read('bring', place.path, 'tar -xzf - -C "$SCRATCH"', tar)
    said = await one.script(
      `echo '@note asked'; sleep 1; printf '@file %s\\n' "$(cat "$SCRATCH/stage/file")"`
    )
  })
  await heard('asked')
  wire.reset()
  ok(await running)
  expect(said?.get('file')).toBe('brought')
  expect(lines.filter(line => line === '  asked')).toHaveLength(2)
}, 60_000)

test('what a job printed before it began is not lost, and what comes before it runs once more', async () => {
  const running = run(async one => {
    await one.job(
      place,
      'count',
      inPlace(COUNT),
      `cd ${place.path}; echo x >> before; echo '@note before'; sleep 1`
    )
  })
  await heard('before')
  wire.reset()
  ok(await running)
  expect(readFileSync(file('before'), 'utf8')).toBe('x\nx\n')
  expect(readFileSync(file('began'), 'utf8')).toBe('began\n')
}, 60_000)

test('a host that does not come back: what goes on there, and what to do', async () => {
  const running = run(
    async one => {
      await one.job(place, 'count', inPlace(COUNT))
    },
    { patienceMs: 1500 }
  )
  await heard('line 3')
  wire.refuse(true)
  wire.reset()
  const { error } = await running
  expect(error?.message).toMatch(
    /connection lost while 'look' ran .* it could not be reached again within 1\.5 s: .*; step 'look' goes on there by itself \(\S+\/\.diveops\/jobs\/\S+-1-count\/out\); the next run of any action waits for it/
  )
  wire.refuse(false)
  const order: string[] = []
  ok(await run(async () => void order.push(readFileSync(file('began'), 'utf8')), { actor: 'you' }))
  // The next run came after the job, and has cleared it away.
  expect(order).toEqual(['began\n'])
  expect(existsSync(file('.diveops/jobs'))).toBe(false)
}, 60_000)

test('another run that came between ends this one, with its name', async () => {
  const running = run(async one => {
    await one.job(place, 'count', inPlace(COUNT))
  })
  await heard('line 3')
  wire.refuse(true)
  wire.reset()
  await eventually(() => journal().some(({ event }) => event === 'gone'))
  wire.refuse(false)
  // On a wire of its own, so that it is there first.
  const other = await startForwarder('127.0.0.1', sshd.port)
  const mine = wire
  wire = other
  mine.refuse(true)
  let began = false
  const second = run(
    async one => {
      began = true
      await one.script('sleep 1')
    },
    { actor: 'you' }
  )
  await eventually(() => began, 20_000)
  mine.refuse(false)
  wire = mine
  ok(await second)
  const { error } = await running
  await other.close()
  expect(error?.message).toMatch(
    /while the connection was broken, https:\/\/example\.com\/you by you took the lock and put right what this run had begun/
  )
  expect(readFileSync(file('began'), 'utf8')).toBe('began\n')
}, 60_000)

test('a connection that breaks while another run holds the lock', async () => {
  const mine = wire
  wire = await startForwarder('127.0.0.1', sshd.port)
  const other = wire
  const free = new AbortController()
  let isHeld = false
  const first = run(
    async () => {
      isHeld = true
      await new Promise(done => free.signal.addEventListener('abort', done))
    },
    { actor: 'you' }
  )
  await eventually(() => isHeld)
  wire = mine
  const second = run(async one => void (await one.script('true')))
  await eventually(() => lines.some(line => line.startsWith('waiting for https://example.com/you')))
  mine.reset()
  await eventually(() => lines.some(line => line.endsWith('connecting again')))
  free.abort()
  ok(await first)
  ok(await second)
  await other.close()
  await eventually(() => journal().at(-1)?.event === 'end')
  expect(journal().map(({ event }) => event)).toEqual(['begin', 'end', 'begin', 'end'])
}, 60_000)

test('a host that is left while it is connected to again keeps no connection', async () => {
  const connection = await open()
  const host = new SteadyHost(connection, {
    connect: open,
    clock: systemClock,
    log,
    patienceMs: 20_000
  })
  const running = host.run('sleep 60')
  await eventually(() => sshd.sessions().length > 0)
  wire.reset()
  await eventually(() => lines.some(line => line.endsWith('connecting again')))
  await host.close()
  await expect(running).rejects.toThrow('the connection was closed')
  await eventually(() => sshd.sessions().length === 0)
}, 60_000)

test('a job that is killed with its host fails the step and is not run again', async () => {
  const running = run(async one => {
    await one.job(place, 'count', inPlace(`${COUNT}\necho after >> began`))
  })
  await heard('line 3')
  const [id = ''] = readdirSync(file('.diveops/jobs'))
  for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      const isJob = words[0] === 'sh' && words.some(word => word.includes(id)) && words.length < 7
      if (isJob && !words.includes('-c')) process.kill(Number(pid), 'SIGKILL')
      if (isJob && words.includes('-c') && words.includes('job'))
        process.kill(Number(pid), 'SIGKILL')
    } catch {
      // It ended by itself.
    }
  }
  const { error } = await running
  expect(error?.message).toMatch(/step 'look' broke off on .*: the server went down while it ran/)
  expect(readFileSync(file('began'), 'utf8')).toBe('began\n')
}, 60_000)

test('a cancelled run stops its script, notes it and frees the lock', async () => {
  const cancel = new AbortController()
  const running = run(
    async one => {
      await one.script(inPlace(`echo '@note started'; sleep 60; echo late > late`))
    },
    { cancel: cancel.signal }
  )
  await heard('started')
  cancel.abort(new Cancelled('the run was cancelled'))
  const { error, state } = await running
  expect(error?.message).toBe('the run was cancelled')
  expect(state).toBe('untouched')
  await eventually(() => journal().at(-1)?.event === 'end')
  expect(journal().at(-1)).toMatchObject({ state: 'cancelled, untouched' })
  ok(await run(async () => {}, { actor: 'you' }))
  expect(existsSync(file('late'))).toBe(false)
}, 60_000)

test('a cancelled run leaves its job to the host, and says so', async () => {
  const cancel = new AbortController()
  const running = run(
    async one => {
      await one.job(place, 'count', inPlace(`echo '@note started'; sleep 7; echo done > done`))
    },
    { cancel: cancel.signal }
  )
  await heard('started')
  cancel.abort(new Cancelled('the run was cancelled'))
  const { error } = await running
  expect(error?.message).toMatch(/^the run was cancelled; step 'look' goes on there by itself/)
  expect(existsSync(file('done'))).toBe(false)
  ok(await run(async () => expect(existsSync(file('done'))).toBe(true), { actor: 'you' }))
}, 60_000)
