import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { connect as connectTo, createServer, type Server, type Socket } from 'node:net'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { silentLog } from '../../packages/core/src/base/log.ts'
import { Secrets } from '../../packages/core/src/base/secrets.ts'
import { type ConnectOptions, connect, type Target } from '../../packages/core/src/ssh/connect.ts'
import { HOST_KEY_TYPES, type Sshd, startSshd } from '../harness/sshd.ts'

let sshd: Sshd
beforeAll(async () => {
  sshd = await startSshd()
}, 120_000)
afterAll(() => sshd.stop())

const quick: ConnectOptions = { pauseMs: 5, timeoutMs: 5000 }

/** What a connection that should come about says for itself. */
async function hello(target: Target, options: ConnectOptions = quick): Promise<string> {
  const connection = await connect(target, options)
  try {
    return (await connection.run('echo hello')).stdout.trim()
  } finally {
    await connection.close()
  }
}

/** The message of a connection that does not come about. */
async function refusal(target: Target, options: ConnectOptions = quick): Promise<string> {
  const outcome = await connect(target, options).then(
    async connection => {
      await connection.close()
      return undefined
    },
    error => error as Error
  )
  expect(outcome).toBeDefined()
  expect(outcome?.message).not.toContain('\n')
  return outcome?.message ?? ''
}

function logged() {
  const lines: string[] = []
  const write = (line: string) => lines.push(line)
  return { lines, log: { ...silentLog, info: write, warning: write } }
}

const attempts = () => sshd.count(/(?:Accepted|Failed|Postponed) publickey/)

describe('host key', () => {
  test.each(HOST_KEY_TYPES)('pinned by its %s key or fingerprint', async type => {
    expect(await hello(sshd.target({ knownHosts: sshd.knownHosts(type) }))).toBe('hello')
    expect(await hello(sshd.target({ knownHosts: sshd.fingerprint(type) }))).toBe('hello')
  })

  test('pinned in a file, with hashed names', async () => {
    const file = path.join(sshd.dir, 'known_hosts')
    writeFileSync(file, `${sshd.knownHosts()}\n`)
    execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'pipe' })
    expect(await hello(sshd.target({ knownHosts: file }))).toBe('hello')
  })

  test('another key than the pinned one: nobody is let near it', async () => {
    const other = await startSshd({ hostKeys: ['ed25519'] })
    const before = attempts()
    const wrong = other.knownHosts().replace(/^\S+/, '[127.0.0.1]:*')
    const message = await refusal(sshd.target({ knownHosts: wrong }))
    expect(message).toMatch(/has changed: it shows ssh-ed25519 SHA256:.*reinstalled/)
    expect(message).toContain(sshd.fingerprint())
    expect(message).toContain(other.fingerprint())
    const print = await refusal(sshd.target({ knownHosts: other.fingerprint() }))
    for (const type of HOST_KEY_TYPES) expect(print).toContain(sshd.fingerprint(type))
    await refusal(
      sshd.target({ knownHosts: `@revoked * ${sshd.knownHosts().replace(/^\S+ /, '')}` })
    )
    expect(attempts()).toBe(before)
    await other.stop()
  })

  test('no pin: the line that is printed works when it is saved', async () => {
    const before = attempts()
    const message = await refusal(sshd.target({ knownHosts: undefined }))
    expect(attempts()).toBe(before)
    expect(message).toContain(sshd.fingerprint())
    const line = message.split('save this line as the variable: ')[1] as string
    expect(await hello(sshd.target({ knownHosts: line }))).toBe('hello')
  })

  test('no pin, accepted by the user: a warning with the line', async () => {
    const { log, lines } = logged()
    const target = sshd.target({ knownHosts: '', hostKeyPolicy: 'accept-unverified' })
    expect(await hello(target, { ...quick, log })).toBe('hello')
    expect(lines).toEqual([expect.stringMatching(/was not verified/)])
    expect(lines[0]).toContain(sshd.knownHosts())
    const wrong = `${sshd.knownHosts().replace(/ \S+ \S+$/, '')} ${githubKey}`
    expect(await refusal({ ...target, knownHosts: wrong })).toMatch(/has changed/)
  })

  test('a server without a key of the pinned kind', async () => {
    const rsa = await startSshd({ hostKeys: ['rsa'] })
    expect(await hello(rsa.target())).toBe('hello')
    const message = await refusal(rsa.target({ knownHosts: `127.0.0.1 ${githubKey}` }))
    expect(message).toMatch(/has changed: it offers only rsa-sha2-512/)
    await rsa.stop()
  })
})

const githubKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl'

describe('key', () => {
  test.each([
    ['rsa', ['-t', 'rsa', '-b', '2048', '-N', ''], undefined],
    ['ecdsa', ['-t', 'ecdsa', '-N', ''], undefined],
    ['pem', ['-t', 'rsa', '-b', '2048', '-m', 'PEM', '-N', ''], undefined],
    ['pkcs8', ['-t', 'rsa', '-b', '2048', '-m', 'PKCS8', '-N', ''], undefined],
    ['locked', ['-t', 'ed25519', '-N', 'open sesame'], 'open sesame']
  ])('%s is let in, also when its line breaks were spoiled', async (name, args, passphrase) => {
    const file = path.join(sshd.dir, name)
    execFileSync('ssh-keygen', ['-q', '-f', file, ...args])
    sshd.authorize(readFileSync(`${file}.pub`, 'utf8'))
    const sshKey = readFileSync(file, 'utf8')
    for (const text of [sshKey, sshKey.replace(/\n/g, ' '), sshKey.replace(/\n/g, '\\n')]) {
      expect(await hello(sshd.target({ sshKey: text, passphrase }))).toBe('hello')
    }
  })

  test('an ed25519 key that was converted from PKCS8 is let in', async () => {
    const { generateKeyPairSync } = await import('node:crypto')
    const { readKey } = await import('../../packages/core/src/ssh/keys.ts')
    const { privateKey } = generateKeyPairSync('ed25519')
    const sshKey = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    sshd.authorize(readKey(sshKey).publicKey)
    expect(await hello(sshd.target({ sshKey }))).toBe('hello')
  })

  test('one that is not authorised: tried once, named, with the line that lets it in', async () => {
    const file = path.join(sshd.dir, 'stranger')
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file])
    const connections = sshd.count(/Connection from/)
    const target = sshd.target({ sshKey: readFileSync(file, 'utf8') })
    const message = await refusal(target)
    expect(message).toMatch(/does not let user '.*' in with the key ssh-ed25519 SHA256:/)
    expect(sshd.count(/Connection from/)).toBe(connections + 1)
    sshd.authorize(message.split('has this line: ')[1] as string)
    expect(await hello(target)).toBe('hello')
  })

  test('another user', async () => {
    const message = await refusal(sshd.target({ user: 'no-such-user' }))
    expect(message).toMatch(
      /no-such-user@127.0.0.1:\d+: the server does not let user 'no-such-user'/
    )
  })

  test('a key that is none never reaches the network', async () => {
    const before = sshd.count(/Connection from/)
    expect(await refusal(sshd.target({ sshKey: '' }))).toMatch(/'ssh-key' is empty/)
    expect(await refusal(sshd.target({ sshKey: sshd.knownHosts() }))).toMatch(/is a public key/)
    expect(sshd.count(/Connection from/)).toBe(before)
  })

  test('is masked before anything else happens', async () => {
    const secrets = new Secrets()
    await refusal(sshd.target({ port: 0 }), { secrets })
    const body = sshd.key.split('\n')[2] as string
    expect(secrets.redact(`x ${body} x`)).toBe('x *** x')
  })
})

describe('servers of another kind', () => {
  const server = (config: string[], keyOptions?: string) => {
    return startSshd({
      config,
      hostKeys: ['ed25519'],
      ...(keyOptions ? { keyOptions: () => keyOptions } : {})
    })
  }

  test('only post-quantum key exchange', async () => {
    const pq = await server(['KexAlgorithms sntrup761x25519-sha512@openssh.com'])
    expect(await refusal(pq.target())).toMatch(
      /only post-quantum .*\(sntrup.*add curve25519-sha256/
    )
    await pq.stop()
  })

  test('nothing but old ciphers', async () => {
    const old = await server(['Ciphers aes128-cbc'])
    expect(await refusal(old.target())).toMatch(/the server offers aes128-cbc, which is not/)
    await old.stop()
  })

  test('no keys at all, or two proofs', async () => {
    const none = await server(['PubkeyAuthentication no', 'PasswordAuthentication yes'])
    expect(await refusal(none.target())).toMatch(/accepts no keys for user '.*', only password/)
    await none.stop()
    const two = await server([
      'PasswordAuthentication yes',
      'AuthenticationMethods publickey,password'
    ])
    expect(await refusal(two.target())).toMatch(/wants a second proof as well \(password\)/)
    await two.stop()
  })

  test('a forced command that is no shell', async () => {
    const said = await server([], 'command="echo Please log in as ubuntu"')
    await expect(hello(said.target())).rejects.toThrow(
      /does not run a POSIX shell for us: it said 'Please log in as ubuntu'/
    )
    await said.stop()
    const echo = await server([], 'command="/bin/cat"')
    await expect(hello(echo.target(), { ...quick, timeoutMs: 500 })).rejects.toThrow(
      /does not run a POSIX shell for us/
    )
    await echo.stop()
  })

  test('one session a connection is enough', async () => {
    const one = await server(['MaxSessions 1'])
    expect(await hello(one.target())).toBe('hello')
    await one.stop()
  })

  // Those that this machine has: none counts as passed that was not run.
  const shells = ['/bin/bash', '/bin/dash', '/usr/bin/fish', '/bin/csh', '/usr/bin/zsh']
  test.each(shells.filter(existsSync))('login shell %s', async shell => {
    // sshd asks the shell of the account; a forced command stands in for another one.
    const wrapper = path.join(sshd.dir, `login${path.basename(shell)}`)
    const other = await server([], `command="${wrapper}"`)
    writeFileSync(wrapper, `#!/bin/sh\necho noise; exec ${shell} -c "$SSH_ORIGINAL_COMMAND"\n`)
    chmodSync(wrapper, 0o755)
    expect(await hello(other.target())).toBe('hello')
    await other.stop()
  })

  const runners = ['/bin/dash', '/bin/bash', '/usr/bin/busybox']
  test.each(runners.filter(existsSync))('scripts run by %s', async file => {
    const shell = path.basename(file)
    const bin = path.join(sshd.dir, `bin-${shell}`)
    const applets =
      shell === 'busybox' ? ['sh', 'dd', 'rm', 'mkdir', 'mkfifo', 'cat', 'setsid'] : ['sh']
    execFileSync('mkdir', ['-p', bin])
    for (const name of applets) execFileSync('ln', ['-sf', file, path.join(bin, name)])
    const other = await server([`SetEnv SHLVL=2 PATH=${bin}:/usr/bin:/bin`])
    const connection = await connect(other.target(), quick)
    const stdin = Buffer.alloc(300_000, 'x')
    expect(await connection.run('readlink -f "$(command -v sh)"')).toMatchObject({
      stdout: `${execFileSync('readlink', ['-f', file], { encoding: 'utf8' })}`
    })
    expect(await connection.run('wc -c; exit 3', { stdin })).toMatchObject({
      code: 3,
      stdout: '300000\n'
    })
    expect(await connection.run('exit 4', { stdin })).toEqual({ code: 4, stdout: '', stderr: '' })
    const scratch = (await connection.run('printf %s "$SCRATCH"')).stdout
    const abort = new AbortController()
    const onLine = () => abort.abort(new Error('cancelled'))
    const aborted = connection.run('echo x; sleep 30', { signal: abort.signal, onLine })
    await expect(aborted).rejects.toThrow('cancelled')
    expect(await connection.run('echo on >&2')).toEqual({ code: 0, stdout: '', stderr: 'on\n' })
    await connection.close()
    for (let i = 0; existsSync(scratch) && i < 100; i++) await new Promise(r => setTimeout(r, 20))
    expect(existsSync(scratch)).toBe(false)
    await other.stop()
  })
})

describe('no server', () => {
  const servers: Server[] = []
  afterAll(() => {
    for (const server of servers) server.close()
  })

  async function listen(serve: (socket: Socket) => void): Promise<number> {
    const server = createServer(socket => {
      socket.on('error', () => {})
      serve(socket)
    })
    servers.push(server)
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    return (server.address() as { port: number }).port
  }

  test('a closed port is tried again before giving up', async () => {
    const port = await listen(() => {})
    await new Promise(resolve => servers.pop()?.close(resolve))
    const { log, lines } = logged()
    const message = await refusal(sshd.target({ port }), { ...quick, log })
    expect(message).toMatch(/refuses connections to port \d+: nothing listens there/)
    expect(lines).toHaveLength(3)
    expect(lines[0]).toMatch(/trying again \(3 left\)/)
  })

  test('an unknown name', async () => {
    expect(await refusal(sshd.target({ host: 'no-such-host.invalid' }))).toMatch(
      /host 'no-such-host.invalid' (is unknown|cannot be looked up)/
    )
  })

  test('a connection that is closed at once is tried again, and succeeds when it can', async () => {
    let dropped = 0
    const port = await listen(socket => {
      if (dropped++ < 2) socket.destroy()
      else {
        const server = sshdSocket()
        socket.pipe(server).pipe(socket)
      }
    })
    const knownHosts = sshd.knownHosts().replace(/^\S+/, '127.0.0.1')
    expect(await hello(sshd.target({ port, knownHosts }))).toBe('hello')
    expect(dropped).toBe(3)
    dropped = -100
    const message = await refusal(sshd.target({ port, knownHosts }))
    expect(message).toMatch(/closed the connection before it said anything: too many .*fail2ban/)
  })

  test('a port that is silent, not SSH, or too busy', async () => {
    const once = { ...quick, retries: 0 }
    const silent = await listen(() => {})
    expect(await refusal(sshd.target({ port: silent }), { ...once, timeoutMs: 200 })).toMatch(
      /no SSH handshake within 200 ms, the port is open but says nothing/
    )
    const http = await listen(socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    expect(await refusal(sshd.target({ port: http }), quick)).toMatch(
      /is not SSH \(it says 'HTTP\/1.1 400 Bad Request'\)/
    )
    const busy = await listen(socket => socket.end('Exceeded MaxStartups\r\n'))
    expect(await refusal(sshd.target({ port: busy }), once)).toMatch(
      /turns the connection away: 'Exceeded MaxStartups'/
    )
  })

  const sshdSocket = () => connectTo(sshd.port)
})

test.each([
  [{ host: '' }, /input 'host' is empty/],
  [{ host: 'a b' }, /input 'host': got "a b"/],
  [{ host: 'a\nb' }, /input 'host': got "a\\nb"/],
  [{ host: '-oProxyCommand=x' }, /input 'host': got/],
  [{ host: 'example.com:22' }, /the port is input 'port'/],
  [{ host: 'me@example.com' }, /the user is input 'user'/],
  [{ user: '-l' }, /input 'user': got "-l"/],
  [{ user: 'a b' }, /input 'user'/],
  [{ user: '' }, /input 'user' is empty/],
  [{ port: 70_000 }, /input 'port': got "70000"/]
])('%j is refused before anything is sent', async (other, message) => {
  expect(await refusal(sshd.target(other))).toMatch(message)
})
