import { createHash, randomBytes, randomInt } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import {
  type Connection,
  type ConnectOptions,
  connect
} from '../../packages/core/src/ssh/connect.ts'
import { ConnectionLost } from '../../packages/core/src/ssh/host.ts'
import { type Sshd, startSshd } from '../harness/sshd.ts'
import { eventually } from './wait.ts'

let sshd: Sshd
const open: Connection[] = []
beforeAll(async () => {
  sshd = await startSshd({ hostKeys: ['ed25519'] })
}, 120_000)
afterEach(async () => {
  for (const connection of open.splice(0)) await connection.close()
})
afterAll(() => sshd.stop())

async function connected(options?: ConnectOptions, server = sshd): Promise<Connection> {
  const connection = await connect(server.target(), options)
  open.push(connection)
  return connection
}

const scratchOf = async (host: Connection) => (await host.run('printf %s "$SCRATCH"')).stdout
/** Whether a process runs; one that has ended and waits to be noticed does not. */
const alive = (pid: number) =>
  existsSync(`/proc/${pid}`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))

describe('a run', () => {
  test('gives exit code and both streams, untrimmed', async () => {
    const host = await connected()
    const result = await host.run('echo out; printf err >&2; exit 3')
    expect(result).toEqual({ code: 3, stdout: 'out\n', stderr: 'err' })
    expect(await host.run('kill -KILL $$')).toMatchObject({ code: 137 })
    expect(await host.run('no-such-command')).toMatchObject({ code: 127 })
  })

  test('begins in the home directory, alike on every host, with nothing of the run before', async () => {
    const host = await connected()
    const state = 'set -- "$left"; pwd; echo "$LC_ALL" "$(umask)" "$1"; echo "$PATH"'
    const first = await host.run(state)
    await host.run('left=behind; export left; cd /; umask 077; trap "echo bye" EXIT; set -e')
    expect(await host.run(state)).toEqual(first)
    expect(first.stdout).toMatch(/ 0022 \n/)
    expect(first.stdout).toMatch(/:\/usr\/local\/bin:.*:\/usr\/sbin:/)
  })

  test('reads its own standard input and nothing else', async () => {
    const host = await connected()
    expect(await host.run('cat')).toMatchObject({ stdout: '' })
    expect(await host.run('cat', { stdin: 'run 9 9 9\nend\n' })).toMatchObject({
      stdout: 'run 9 9 9\nend\n'
    })
    expect(await host.run('read -r one; echo "$one"', { stdin: 'a\nb\n' })).toMatchObject({
      stdout: 'a\n'
    })
    expect(await host.run('cat')).toMatchObject({ stdout: '' })
  })

  test('finds a private scratch directory that lasts as long as the connection', async () => {
    const host = await connected()
    const scratch = await scratchOf(host)
    expect(
      (await host.run('stat -c %a "$SCRATCH"; cat >"$SCRATCH/x"', { stdin: 'x' })).stdout
    ).toBe('700\n')
    expect((await host.run('cat "$SCRATCH/x"')).stdout).toBe('x')
    await host.close()
    await eventually(() => !existsSync(scratch))
  })

  test('scripts of any content, quotes and size', async () => {
    const host = await connected()
    const long = `# ${'x'.repeat(300_000)}\nprintf '%s' "it's \\"quoted\\" \\$HOME"`
    expect((await host.run(long)).stdout).toBe(`it's "quoted" $HOME`)
    expect((await host.run('')).code).toBe(0)
    expect((await host.run('if')).code).not.toBe(0)
    expect((await host.run('echo still here')).stdout).toBe('still here\n')
  })

  test('hands lines on as they come, whole characters in them', async () => {
    const host = await connected()
    const lines: [string, string][] = []
    const onLine = (line: string, stream: string) => lines.push([stream, line])
    const script = `printf 'caf\\303'; sleep 0.1; printf '\\251\\n'; printf 'last' >&2`
    const { stdout } = await host.run(script, { onLine })
    expect(stdout).toBe('café\n')
    expect(lines).toEqual([
      ['stdout', 'café'],
      ['stderr', 'last']
    ])
  })

  test('queued runs go one after the other, in order', async () => {
    const host = await connected()
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) => host.run(`sleep 0.00${20 - i}; date +%s%N; echo ${i}`))
    )
    const times = results.map(({ stdout }) => BigInt(stdout.split('\n')[0] as string))
    expect(results.map(({ stdout }) => Number(stdout.split('\n')[1]))).toEqual([
      ...Array(20).keys()
    ])
    expect([...times].sort()).toEqual(times)
  })

  test('the output of many megabytes arrives whole up to the limit', async () => {
    const host = await connected()
    const { stdout } = await host.run('head -c 10000000 /dev/zero | tr "\\0" x')
    expect(stdout).toHaveLength(10_000_000)
    const much = await host.run('seq 4000000')
    expect(much.stdout.length).toBeLessThan(16.1 * 1024 * 1024)
    expect(much.stdout).toMatch(/^1\n2\n/)
    expect(much.stdout).toMatch(/\[\d+ characters left out\]/)
    expect(much.stdout.endsWith('\n4000000\n')).toBe(true)
  })

  test('60 MB of standard input arrive byte for byte, also when nobody reads them', async () => {
    const host = await connected()
    const stdin = Buffer.concat([randomBytes(1_000_000), Buffer.alloc(59_000_000, 'é\0\n')])
    const { stdout } = await host.run('sha256sum', { stdin })
    expect(stdout.split(' ')[0]).toBe(createHash('sha256').update(stdin).digest('hex'))
    expect(await host.run('exit 4', { stdin })).toEqual({ code: 4, stdout: '', stderr: '' })
    expect((await host.run('head -c 3', { stdin: 'abcdef' })).stdout).toBe('abc')
  }, 30_000)

  test('1000 runs with input of any size, read or not, stay in step', async () => {
    const host = await connected()
    const sum = (bytes: Buffer) => createHash('md5').update(bytes).digest('hex')
    const one = async (i: number) => {
      const stdin = randomBytes(i % 50 === 0 ? randomInt(300_000) : randomInt(3000))
      const [script, expected] = [
        ['md5sum | cut -c 1-32', `${sum(stdin)}\n`],
        [`echo ${i}`, `${i}\n`],
        ['cat >/dev/null; exec 0<&-; echo closed', 'closed\n'],
        ['head -c 10 | wc -c', `${Math.min(10, stdin.length)}\n`],
        ['exec 0<&-; exec 1>&-; exit 7', '']
      ][i % 5] as [string, string]
      expect(await host.run(script, { stdin })).toMatchObject({ stdout: expected, stderr: '' })
    }
    await Promise.all(Array.from({ length: 1000 }, (_, i) => one(i)))
  }, 60_000)

  test('may take longer than the connection took to be made', async () => {
    const host = await connected({ timeoutMs: 1000 })
    expect((await host.run('sleep 2.5; echo done')).stdout).toBe('done\n')
  })

  test('costs one connection and one channel, however many there are', async () => {
    const before = [sshd.count(/Accepted publickey/), sshd.count(/Starting session/)] as const
    const host = await connected()
    for (let i = 0; i < 20; i++) await host.run('true')
    expect(sshd.count(/Accepted publickey/)).toBe(before[0] + 1)
    expect(sshd.count(/Starting session/)).toBe(before[1] + 1)
  })
})

describe('an aborted run', () => {
  test('ends with its whole process group, and the session goes on', async () => {
    const host = await connected()
    const abort = new AbortController()
    const script = 'echo $$; sleep 60 & sleep 60'
    let pid = 0
    const run = host.run(script, {
      signal: abort.signal,
      onLine: line => {
        pid = Number(line)
        abort.abort(new Error('cancelled'))
      }
    })
    await expect(run).rejects.toThrow('cancelled')
    await eventually(() => !alive(pid))
    expect((await host.run('echo on')).stdout).toBe('on\n')
    await expect(host.run('true', { signal: abort.signal })).rejects.toThrow('cancelled')
  })

  test('one that ignores HUP is killed two seconds later', async () => {
    const host = await connected()
    const abort = new AbortController()
    const began = Date.now()
    const run = host.run('trap "" HUP; echo ready; sleep 60; sleep 60', {
      signal: abort.signal,
      onLine: () => abort.abort(new Error('cancelled'))
    })
    await expect(run).rejects.toThrow('cancelled')
    expect(Date.now() - began).toBeLessThan(5000)
    expect((await host.run('echo on')).stdout).toBe('on\n')
  })
})

describe('a connection that breaks', () => {
  const waiting = (host: Connection, script: string) => {
    const pids: number[] = []
    let ready = () => {}
    const started = new Promise<void>(resolve => {
      ready = resolve
    })
    const run = host.run(script, {
      what: 'long work',
      onLine: line => {
        pids.push(...line.split(' ').map(Number))
        ready()
      }
    })
    run.catch(() => {})
    return { run, started, pids }
  }

  test('rejects with ConnectionLost, ends the script and removes the scratch directory', async () => {
    const host = await connected()
    const scratch = await scratchOf(host)
    const script = `setsid sh -c ': > "$SCRATCH/there"; exec sleep 30' & job=$!; sleep 30 & child=$!
until [ -f "$SCRATCH/there" ]; do sleep 0.05; done; echo $$ $child $job; wait`
    const { run, started, pids } = waiting(host, script)
    const queued = host.run('true', { what: 'next' })
    queued.catch(() => {})
    await started
    process.kill(sshd.sessions().at(-1) as number, 'SIGKILL')
    await expect(run).rejects.toThrow(
      /connection lost while 'long work' ran \(after .*\): .*; what it did on the host is unknown/
    )
    await expect(run).rejects.toBeInstanceOf(ConnectionLost)
    await expect(queued).rejects.toThrow(/connection lost before 'next' ran/)
    await expect(host.run('true')).rejects.toBeInstanceOf(ConnectionLost)
    await eventually(() => !existsSync(scratch))
    const [shell, child, job] = pids as [number, number, number]
    await eventually(() => !alive(shell) && !alive(child))
    // What was put into a session of its own lives on: that is how a job survives.
    expect(alive(job)).toBe(true)
    process.kill(job)
  })

  test('half an input is never taken for a whole one', async () => {
    const host = await connected()
    const scratch = await scratchOf(host)
    const copy = `${sshd.dir}/copy`
    const stdin = Buffer.alloc(200_000_000)
    const run = host.run(`cat >${copy}.new; mv ${copy}.new ${copy}`, { stdin })
    run.catch(() => {})
    await eventually(() => existsSync(`${copy}.new`) && readFileSync(`${copy}.new`).length > 0)
    process.kill(sshd.sessions().at(-1) as number, 'SIGKILL')
    await expect(run).rejects.toBeInstanceOf(ConnectionLost)
    await eventually(() => !existsSync(scratch))
    expect(existsSync(copy)).toBe(false)
  }, 30_000)

  test.each(['cat', 'exit 3', 'cat >/dev/null'])(
    'in the middle of the input of %j: nothing is left',
    async script => {
      const host = await connected()
      const scratch = await scratchOf(host)
      const run = host.run(script, { stdin: Buffer.alloc(200_000_000) })
      run.catch(() => {})
      await eventually(() => existsSync(`${scratch}/.stdin`))
      process.kill(sshd.sessions().at(-1) as number, 'SIGKILL')
      await expect(run).rejects.toBeInstanceOf(ConnectionLost)
      await eventually(() => !existsSync(scratch))
    }
  )

  test('a host that no longer answers is noticed by keepalives', async () => {
    const host = await connected({ keepaliveMs: 200, keepaliveCount: 2 })
    const { run, started } = waiting(host, 'echo 1; sleep 5')
    await started
    const frozen = sshd.sessions()
    for (const pid of frozen) process.kill(pid, 'SIGSTOP')
    try {
      await expect(run).rejects.toThrow(/no longer answers \(keepalive timeout\)/)
      await host.close()
    } finally {
      for (const pid of frozen) process.kill(pid, 'SIGCONT')
    }
  })

  test('closing does not wait for a host that takes nothing any more', async () => {
    const host = await connected()
    const scratch = await scratchOf(host)
    const frozen = sshd.sessions()
    for (const pid of frozen) process.kill(pid, 'SIGSTOP')
    try {
      const run = host.run('cat', { stdin: Buffer.alloc(60_000_000) })
      run.catch(() => {})
      await host.close()
      await expect(run).rejects.toBeInstanceOf(ConnectionLost)
    } finally {
      for (const pid of frozen) process.kill(pid, 'SIGCONT')
    }
    await eventually(() => !existsSync(scratch))
  })

  test('closing while a script runs ends it', async () => {
    const host = await connected()
    const scratch = await scratchOf(host)
    const { run, started, pids } = waiting(host, 'echo $$; sleep 30')
    await started
    await host.close()
    await expect(run).rejects.toThrow(/the connection was closed/)
    await eventually(() => !existsSync(scratch) && !alive(pids[0] as number))
  })
})
