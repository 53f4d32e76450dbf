import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync
} from 'node:fs'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { type Connection, connect } from '../../packages/core/src/ssh/connect.ts'
import { ConnectionLost } from '../../packages/core/src/ssh/host.ts'
import { acquireLock, type Holder, type LockOptions } from '../../packages/core/src/ssh/lock.ts'
import { type Sshd, startSshd } from '../harness/sshd.ts'
import { eventually } from './wait.ts'

let sshd: Sshd
const open: Connection[] = []
beforeAll(async () => {
  sshd = await startSshd({ config: ['MaxSessions 2'], hostKeys: ['ed25519'] })
}, 120_000)
afterEach(async () => {
  for (const connection of open.splice(0)) await connection.close()
})
afterAll(() => sshd.stop())

const newPath = () => path.join(mkdtempSync(path.join(sshd.dir, 'app-')), 'not', 'yet')

async function connected(server = sshd): Promise<Connection> {
  const connection = await connect(server.target())
  open.push(connection)
  return connection
}

const holder = (run: string): Holder => ({ run, actor: 'me', since: '2026-01-02T03:04:05Z' })
const options = (app: string, run: string, other: Partial<LockOptions> = {}): LockOptions => ({
  path: app,
  holder: holder(run),
  timeoutMs: 20_000,
  ...other
})
/** Whether the lock is free, asked as an operator would. */
const free = (app: string) =>
  spawnSync('flock', ['-n', path.join(app, '.diveops/lock'), 'true']).status === 0
const told = (app: string) => path.join(app, '.diveops/lock.json')

/** The process that has a file open. */
function processWith(file: string): number {
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  const found = pids.find(pid => {
    try {
      return readdirSync(`/proc/${pid}/fd`).some(
        fd => readlinkSync(`/proc/${pid}/fd/${fd}`) === file
      )
    } catch {
      return false
    }
  })
  return Number(found)
}

test('the first script waits for the lock on the host, and what it reads is read under it', async () => {
  const app = newPath()
  const host = await connected()
  const lock = acquireLock(host, options(app, 'run 1'))
  const facts = host.run(`${lock.untilHeld}flock -n ${app}/.diveops/lock true || echo locked`)
  expect((await facts).stdout).toBe('locked\n')
  await lock.held
  expect(JSON.parse(readFileSync(told(app), 'utf8'))).toMatchObject(holder('run 1'))
  expect((await host.run(`${lock.untilHeld}stat -c %a ${app}/.diveops`)).stdout).toBe('700\n')
  expect(lock.lost.aborted).toBe(false)
  lock.release()
  await eventually(() => free(app))
  expect(existsSync(told(app))).toBe(false)
  expect((await host.run('echo the connection lives on')).code).toBe(0)
  expect(lock.lost.aborted).toBe(false)
})

test('a second run learns who holds it, waits, and goes on when the first is done', async () => {
  const app = newPath()
  const [first, second] = [await connected(), await connected()]
  const held = acquireLock(first, options(app, 'run 1'))
  await held.held
  const seen: (Holder | undefined)[] = []
  const lock = acquireLock(second, options(app, 'run 2', { onWait: who => seen.push(who) }))
  const order: string[] = []
  const script = second.run(`${lock.untilHeld}echo mine`).then(() => order.push('script'))
  await eventually(() => seen.length > 0)
  expect(seen).toEqual([holder('run 1')])
  await first.run('sleep 0.3')
  order.push('release')
  await first.close()
  await script
  await lock.held
  expect(order).toEqual(['release', 'script'])
  expect(JSON.parse(readFileSync(told(app), 'utf8')).run).toBe('run 2')
})

test('who waits too long is told for whom, and its script does not run', async () => {
  const app = newPath()
  const [first, second] = [await connected(), await connected()]
  await acquireLock(first, options(app, 'https://example.com/runs/1')).held
  const lock = acquireLock(second, options(app, 'run 2', { timeoutMs: 1000 }))
  const script = second.run(`${lock.untilHeld}echo mine`)
  await expect(lock.held).rejects.toThrow(
    /https:\/\/example.com\/runs\/1 by me since 2026-.* still holds the lock of .* after 1.0 s/
  )
  expect(await script).toMatchObject({ code: 75, stdout: '' })
})

test('runs never overlap', async () => {
  const app = newPath()
  const log = path.join(sshd.dir, 'overlap')
  const one = async (i: number) => {
    const host = await connected()
    const lock = acquireLock(host, options(app, `run ${i}`))
    await host.run(`${lock.untilHeld}echo in >>${log}; sleep 0.1; echo out >>${log}`)
    if (i % 2) lock.release()
    else await host.close()
  }
  await Promise.all(Array.from({ length: 5 }, (_, i) => one(i)))
  expect(readFileSync(log, 'utf8')).toBe('in\nout\n'.repeat(5))
}, 30_000)

test('a client that falls silent loses the lock, after its script has ended', async () => {
  const app = newPath()
  const host = await connected()
  const lock = acquireLock(host, options(app, 'run 1', { beatMs: 60_000, silenceMs: 1000 }))
  const script = host.run(`${lock.untilHeld}echo $$ "$SCRATCH"; trap "" HUP; sleep 60; sleep 60`)
  script.catch(() => {})
  await lock.held
  expect(free(app)).toBe(false)
  await eventually(() => free(app))
  await expect(script).rejects.toBeInstanceOf(ConnectionLost)
  await eventually(() => lock.lost.aborted)
  expect(existsSync(told(app))).toBe(false)
})

test('a client that says something now and then keeps it', async () => {
  const app = newPath()
  const host = await connected()
  const lock = acquireLock(host, options(app, 'run 1', { beatMs: 300, silenceMs: 1000 }))
  await lock.held
  await host.run('sleep 2.5')
  expect(free(app)).toBe(false)
  expect(lock.lost.aborted).toBe(false)
})

test('a connection that breaks frees the lock, after its script has ended', async () => {
  const app = newPath()
  const host = await connected()
  const lock = acquireLock(host, options(app, 'run 1'))
  const mark = path.join(sshd.dir, 'mark')
  let ready = false
  const script = host.run(
    `${lock.untilHeld}trap "sleep 0.5; echo ended >${mark}; exit" HUP
    echo ready; exec >/dev/null 2>&1; while :; do sleep 0.05; done`,
    { onLine: () => (ready = true) }
  )
  script.catch(() => {})
  await eventually(() => ready)
  process.kill(sshd.sessions().at(-1) as number, 'SIGKILL')
  await expect(script).rejects.toBeInstanceOf(ConnectionLost)
  await eventually(() => free(app))
  expect(existsSync(mark)).toBe(true)
})

test('the children of a script do not hold the lock', async () => {
  const app = newPath()
  const host = await connected()
  const lock = acquireLock(host, options(app, 'run 1'))
  const { stdout } = await host.run(
    `${lock.untilHeld}setsid sleep 20 >/dev/null 2>&1 </dev/null & echo $!`
  )
  await host.close()
  await eventually(() => free(app))
  process.kill(Number(stdout))
})

test('a holder that is killed leaves no lock behind', async () => {
  const app = newPath()
  const [first, second] = [await connected(), await connected()]
  const lock = acquireLock(first, options(app, 'run 1'))
  await lock.held
  process.kill(processWith(path.join(app, '.diveops/lock')), 'SIGKILL')
  await eventually(() => lock.lost.aborted)
  await acquireLock(second, options(app, 'run 2')).held
})

test('a path that cannot be made', async () => {
  const file = path.join(sshd.dir, 'file')
  writeFileSync(file, '')
  const host = await connected()
  const lock = acquireLock(host, options(`${file}/app`, 'run 1'))
  const script = host.run(`${lock.untilHeld}echo mine`)
  await expect(lock.held).rejects.toThrow(
    /file\/app is not writable for user '\w+' \(mkdir: .*\); make it once on the server: sudo install -d -o/
  )
  expect((await script).code).toBe(75)
})

test('a host without flock', async () => {
  // As if the host had none: the name that is looked for is one that no host has.
  const host = await connected()
  const lock = acquireLock(
    { ...host, open: source => host.open(source.replaceAll('flock', 'nolock')) },
    options(newPath(), 'run 1')
  )
  await expect(lock.held).rejects.toThrow(
    /the command 'nolock' is missing; install it on the server/
  )
})

test('a host that allows one channel only', async () => {
  const one = await startSshd({ config: ['MaxSessions 1'], hostKeys: ['ed25519'] })
  const host = await connected(one)
  const lock = acquireLock(host, options(newPath(), 'run 1'))
  await expect(lock.held).rejects.toThrow(/opens no second channel .*set MaxSessions to 2 or more/)
  await host.close()
  await one.stop()
})
