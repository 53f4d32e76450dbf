import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import path from 'node:path'
import type { Target } from '../../packages/core/src/ssh/connect.ts'

const SSHD = '/usr/sbin/sshd'
/** The kinds of host key that the server has. */
export const HOST_KEY_TYPES = ['ed25519', 'ecdsa', 'rsa'] as const
export type HostKeyType = (typeof HOST_KEY_TYPES)[number]

export interface SshdOptions {
  /** Lines of sshd_config that come before ours, so they win. */
  config?: string[]
  /** Which host keys the server has; all by default. */
  hostKeys?: readonly HostKeyType[]
  /** What stands before the key in authorized_keys, such as `command="/bin/cat"`, given the directory. */
  keyOptions?: (dir: string) => string
}

/** A real sshd on a free port of the loopback, with a directory, keys and a log of its own. */
export interface Sshd {
  dir: string
  port: number
  user: string
  /** A private key that is let in, OpenSSH format, ed25519. */
  key: string
  keyFile: string
  /** The server's process. */
  pid: number
  /** How to connect to it, with what may be different this time. */
  target(other?: Partial<Target>): Target
  /** `[127.0.0.1]:port type key`, as known_hosts has it. */
  knownHosts(type?: HostKeyType): string
  /** `SHA256:...` of a host key. */
  fingerprint(type?: HostKeyType): string
  /** Lets one more public key in. */
  authorize(publicKey: string): void
  /** Everything the server has logged. */
  log(): string
  /** Processes of sshd that serve a connection, newest last. */
  sessions(): number[]
  /** How many times a pattern stands in the log. */
  count(pattern: RegExp): number
  stop(): Promise<void>
}

/** Starts a server; installs openssh-server where it is missing and we may (root on Debian). */
export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  install()
  const dir = mkdtempSync(path.join(tmpdir(), 'diveops-sshd-'))
  const file = (name: string) => path.join(dir, name)
  const keygen = (name: string, type: string) =>
    execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', 'test', '-f', file(name)])
  const types = options.hostKeys ?? HOST_KEY_TYPES
  for (const type of types) keygen(`host_${type}`, type)
  keygen('user', 'ed25519')
  const allow = (line: string) =>
    writeFileSync(file('authorized_keys'), `${line.trim()}\n`, { flag: 'a', mode: 0o600 })
  allow(`${options.keyOptions?.(dir) ?? ''} ${readFileSync(file('user.pub'), 'utf8')}`)
  const port = await freePort()
  const own = options.config ?? []
  const config = [
    ...own,
    // Debian's bash reads ~/.bashrc for sshd unless it is nested: a developer's is no part of a test.
    ...(own.some(line => line.startsWith('SetEnv ')) ? [] : ['SetEnv SHLVL=2']),
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    ...types.map(type => `HostKey ${file(`host_${type}`)}`),
    `PidFile ${file('pid')}`,
    `AuthorizedKeysFile ${file('authorized_keys')}`,
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    'LogLevel VERBOSE'
  ]
  writeFileSync(file('sshd_config'), `${config.join('\n')}\n`)
  // Ends with us also when a test run is killed and cannot clean up.
  const words = ['--pdeathsig', 'TERM', SSHD, '-D', '-f', file('sshd_config'), '-E', file('log')]
  const server = spawn('setpriv', words, { stdio: 'ignore' })
  const log = () => (existsSync(file('log')) ? readFileSync(file('log'), 'utf8') : '')
  await listening(server, port, log)
  const knownHosts = (type: HostKeyType = types[0] as HostKeyType) => {
    const [kind, key] = readFileSync(file(`host_${type}.pub`), 'utf8').split(' ')
    return `[127.0.0.1]:${port} ${kind} ${key}`
  }
  const key = readFileSync(file('user'), 'utf8')
  return {
    dir,
    port,
    user: userInfo().username,
    key,
    keyFile: file('user'),
    pid: server.pid as number,
    target: other => ({
      host: '127.0.0.1',
      port,
      user: userInfo().username,
      sshKey: key,
      knownHosts: knownHosts(),
      hostKeyPolicy: 'strict',
      ...other
    }),
    knownHosts,
    fingerprint: (type = 'ed25519') =>
      execFileSync('ssh-keygen', ['-lf', file(`host_${type}.pub`)], {
        encoding: 'utf8'
      }).split(' ')[1] as string,
    authorize: allow,
    log,
    sessions: () => descendants(server.pid as number).filter(isSshd),
    count: pattern => log().match(new RegExp(pattern, 'g'))?.length ?? 0,
    stop: async () => {
      await end(server)
      // A session that outlives its server may still write there.
      rmSync(dir, { recursive: true, force: true, maxRetries: 10 })
    }
  }
}

function install(): void {
  if (!existsSync(SSHD)) {
    if (userInfo().uid !== 0 || !existsSync('/usr/bin/apt-get')) {
      throw new Error(`${SSHD} is missing: install the package openssh-server`)
    }
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const apt = (...args: string[]) => execFileSync('apt-get', ['-qq', ...args], { env })
    apt('update')
    apt('install', '-y', '--no-install-recommends', 'openssh-server')
  }
  // sshd does not start without it; Debian's service makes it at boot.
  if (userInfo().uid === 0) execFileSync('mkdir', ['-p', '-m', '755', '/run/sshd'])
}

function descendants(parent: number): number[] {
  const children = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8')
  const pids = children.split(' ').filter(Boolean).map(Number)
  return pids.flatMap(pid => [pid, ...descendants(pid)])
}

function isSshd(pid: number): boolean {
  return readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('sshd')
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0))
    })
  })
}

async function listening(server: ChildProcess, port: number, log: () => string): Promise<void> {
  const until = Date.now() + 10_000
  while (!(await accepts(port))) {
    if (server.exitCode !== null || Date.now() > until) {
      throw new Error(`sshd did not start: ${log()}`)
    }
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const gone = new Promise(resolve => server.once('exit', resolve))
  server.kill('SIGTERM')
  await gone
}
