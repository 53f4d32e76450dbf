import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { Client } from 'ssh2'
import { parseConfig } from '../../packages/core/src/app/config.ts'
import { GATE } from '../../packages/core/src/deploy/gate.ts'
import { readGate } from '../../packages/core/src/deploy/gatefacts.ts'
import { resolveHere } from '../../packages/core/src/deploy/resolvehere.ts'
import { connect } from '../../packages/core/src/ssh/connect.ts'
import { acquireLock } from '../../packages/core/src/ssh/lock.ts'
import { ReadOnlyKey } from '../../packages/core/src/ssh/readonly.ts'
import { runAction } from '../harness/action.ts'
import { type FakeGitHub, startFakeGitHub } from '../harness/github/fake.ts'
import { HOSTILE } from '../harness/hostile.ts'
import { snippet } from '../harness/readme.ts'
import { type ReadOnlyServer, SECRETS, startReadOnlyServer } from '../harness/readonlykey.ts'

jest.setTimeout(60_000)

let server: ReadOnlyServer
let canary: string
let before: string
beforeAll(async () => {
  // More than any distribution lets in, but nothing that a login shell or the loader itself reads.
  const names = ['PATH', 'ENV', 'HOME', 'DOCKER_*', 'COMPOSE_*', 'IFS', 'TMPDIR', 'SSH_*', 'LC_*']
  server = await startReadOnlyServer(names.map(name => `AcceptEnv ${name}`))
  canary = path.join(server.dir, 'CANARY')
})
afterAll(() => server.stop())
beforeEach(async () => {
  await server.calls()
  before = server.state()
})

const sourceOf = (app: string) => ({
  config: { ...parseConfig(''), path: app },
  files: [],
  template: []
})

/** Processes of the program that still run. */
const programs = () =>
  execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
    .split('\n')
    .filter(line => line.includes(`${server.app}/.diveops/`) || line === 'sleep 1234')

/** What the engine may be asked: nothing of it changes anything. */
const READS = [
  /^(version|compose version|info) /,
  /^(ps|inspect|top|image inspect|volume ls|volume inspect) /,
  /^exec (-i )?c2 sh (-s|-c) /
]

/** Nothing on the server is another than before, and the engine was only asked. */
async function untouched(output: string): Promise<void> {
  expect(server.state()).toBe(before)
  for (const call of await server.calls()) {
    expect(READS.some(read => read.test(call)) ? 'reads' : call).toBe('reads')
  }
  for (const secret of Object.values(SECRETS)) expect(decoded(output)).not.toContain(secret)
}

/** The answer with the contents of files in it as they are. */
function decoded(output: string): string {
  return output.replace(/^[A-Za-z0-9+/]{8,}=*(?= )/gm, text =>
    Buffer.from(text, 'base64').toString()
  )
}

const me = () => `${server.user}@127.0.0.1`

function expectAnswer(output: string): void {
  expect(output).toMatch(/^diveops-read-only 1 =[0-9a-f]{24}=\r?$/m)
  expect(output).toContain('"imageId": "sha256:1"')
  expect(output).toContain('GREETING=hello')
  expect(output).toContain('WEBHOOK=redacted')
  const files = decoded(output)
  expect(files).toContain('proxy_set_header Authorization "Bearer ***";')
  expect(files).toContain('somebody:***')
  expect(files).toContain('ports: [')
}

describe('whatever is asked, the answer is the same', () => {
  test.each<[string, string[], string]>([
    ['nothing', [], ''],
    ['a command', ['sh', '-c', "'touch CANARY'"], ''],
    ['a command that writes where it likes', ['cat > CANARY'], 'x'],
    ['what the client itself asks', ['sh -c \'IFS= read -r n && eval "$n"\''], 'touch CANARY\n'],
    ['an engine', ['docker', 'run', '-v', '/:/host', 'alpine', 'rm', '-rf', '/host'], ''],
    ['the word that the program gives itself', ['clean'], ''],
    ['more of the same program', [`${'$'}0 clean; touch CANARY`], ''],
    ['a very long command', ['x'.repeat(100_000)], ''],
    ['a script on standard input', [], 'touch CANARY\nexit\n'],
    [
      'a script for the shell and an input that never ends',
      ['sh'],
      'touch CANARY\n'.repeat(3_000_000)
    ],
    ...Object.entries(HOSTILE).map(
      ([name, text]) => [`${name} in the command`, [text], text] as [string, string[], string]
    )
  ])('%s', async (_name, words, stdin) => {
    const at = words.map(word => word.replaceAll('CANARY', canary))
    const { output } = await server.attack('ssh', ['--', me(), ...at], {
      stdin: stdin.replaceAll('CANARY', canary)
    })
    expectAnswer(output)
    await untouched(output)
  })
})

describe('what else a client may ask of a server', () => {
  test.each<[string, string, string[]]>([
    ['sftp', 'sftp', ['-b', '-']],
    ['the subsystem by name', 'ssh', ['-s']],
    ['scp to it', 'scp', ['-O']],
    ['scp to it over sftp', 'scp', []]
  ])('%s does not come to a file', async (_name, program, words) => {
    const copy = program === 'scp' ? ['/etc/hostname', `${me()}:${canary}`] : [me()]
    const more = words.includes('-s') ? ['sftp'] : []
    const { code, output } = await server.attack(program, [...words, ...copy, ...more], {
      stdin: `put /etc/hostname ${canary}\n`
    })
    if (program !== 'ssh') expect(code).not.toBe(0)
    await untouched(output)
  })

  test('no port of the server can be reached through it', async () => {
    const { code, output } = await server.attack('ssh', ['-W', `127.0.0.1:${server.port}`, me()])
    expect(output).toContain('administratively prohibited')
    expect(output).not.toContain('SSH-2.0')
    expect(code).not.toBe(0)
    await untouched(output)
  })

  test.each([
    ['a port', '0:127.0.0.1:9'],
    ['a socket', 'CANARY:127.0.0.1:9']
  ])('%s cannot be opened on it', async (_name, forward) => {
    const words = ['-o', 'ExitOnForwardFailure=yes', '-R', forward.replace('CANARY', canary)]
    const { code, output } = await server.attack('ssh', [...words, me()])
    expect(output).toMatch(/remote port forwarding failed/)
    expect(code).not.toBe(0)
    await untouched(output)
  })

  test('no socket of the server can be reached through it, such as that of its engine', async () => {
    const socket = path.join(server.dir, 'engine.sock')
    const asked: string[] = []
    const listener = createServer(client => asked.push(String(client.remoteAddress)))
    await new Promise<void>(resolve => listener.listen(socket, resolve))
    before = server.state()
    try {
      const client = new Client()
      const refused = await new Promise<Error | undefined>((resolve, reject) => {
        client.on('ready', () =>
          client.openssh_forwardOutStreamLocal(socket, error => resolve(error))
        )
        client.on('error', reject)
        client.connect({ ...server.place, privateKey: server.key })
      })
      client.end()
      expect(refused?.message).toMatch(/open failed/)
      expect(asked).toEqual([])
      await untouched('')
    } finally {
      await new Promise(resolve => listener.close(resolve))
    }
  })

  test('it gets no terminal, no display and no agent', async () => {
    const { output } = await server.attack('ssh', ['-tt', '-A', '-X', me(), 'touch', canary], {
      env: { DISPLAY: ':9' }
    })
    expect(output).toMatch(/X11 forwarding request failed/)
    expect(output).toMatch(/PTY allocation request failed/)
    await untouched(output)
  })

  test('variables do not reach the program', async () => {
    const evil = path.join(server.dir, 'evil')
    const script = `#!/bin/sh\ntouch '${canary}'\n`
    await mkdir(evil)
    for (const name of ['docker', 'sed', 'awk', 'timeout', 'sh', 'env', 'profile', 'compose.yml']) {
      await writeFile(path.join(evil, name), script, { mode: 0o755 })
    }
    before = server.state()
    const variables = {
      PATH: evil,
      HOME: evil,
      ENV: `${evil}/profile`,
      DOCKER_HOST: 'tcp://127.0.0.1:9',
      DOCKER_CONFIG: evil,
      COMPOSE_FILE: `${evil}/compose.yml`,
      IFS: '/',
      TMPDIR: evil,
      // What the server does not accept, as no distribution's does.
      BASH_ENV: `${evil}/profile`,
      LD_PRELOAD: `${evil}/profile`,
      'BASH_FUNC_printf%%': `() { touch '${canary}'; }`,
      LC_ALL: `$(touch '${canary}')`
    }
    const words = [
      '-o',
      `SetEnv ${Object.entries(variables)
        .map(([name, value]) => `"${name}=${value}"`)
        .join(' ')}`
    ]
    const { output } = await server.attack('ssh', [...words, me()])
    expectAnswer(output)
    await untouched(output)
  })
})

describe('the question of the guide which variables sshd takes', () => {
  test.each([
    ['LANG\nLC_*\nCOLORTERM\nNO_COLOR', ''],
    ['LANG\nLC_CTYPE\nLANGUAGE\nXMODIFIERS', ''],
    ['LANG\nBASH_ENV', 'acceptenv BASH_ENV\n'],
    ['*', 'acceptenv *\n'],
    ['LD_*', 'acceptenv LD_*\n'],
    ['L*', 'acceptenv L*\n']
  ])('%j', (names, said) => {
    const lines = names.split('\n').map(name => `acceptenv ${name}`)
    const asked = snippet('docs/security.md', 'sh root', 'acceptenv').replace('sshd -T', 'cat')
    const input = `port 22\n${lines.join('\n')}\n`
    expect(execFileSync('sh', ['-c', `${asked.trim()} || true`], { input, encoding: 'utf8' })).toBe(
      said
    )
  })
})

describe('who keeps connections', () => {
  test('many at once are answered one after the other, and nothing of them stays', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => server.attack('ssh', [me()])))
    for (const { output } of answers) expectAnswer(output)
    await untouched(answers.map(({ output }) => output).join())
    expect(programs()).toEqual([])
  })

  test('a client that never reads and never ends keeps no others out', async () => {
    const words = [me(), 'sleep 1000']
    const idle = Array.from({ length: 4 }, () => server.hold(words))
    const { output } = await server.attack('ssh', [me()])
    expectAnswer(output)
    for (const stop of idle) stop()
    await untouched(output)
  })
})

describe('an engine that does not answer', () => {
  const gate = () => path.join(server.app, GATE)
  let text: string
  beforeAll(async () => {
    text = await readFile(gate(), 'utf8')
    expect(text).toContain(' timeout -k 5 60 ')
    const bin = path.join(server.dir, 'hangs')
    await mkdir(bin)
    await writeFile(path.join(bin, 'docker'), '#!/bin/sh\nexec sleep 1234\n', { mode: 0o755 })
    await writeFile(
      gate(),
      text.replace(' timeout -k 5 60 ', ' timeout -k 1 1 ').replace(' PATH=', ` PATH=${bin}:`)
    )
  })
  afterAll(() => writeFile(gate(), text))

  test('holds nobody for ever, and the client says that the answer broke off', async () => {
    const connection = await connect(server.target())
    const error = await connection.run(':').catch(thrown => thrown)
    await connection.close()
    expect(error).toBeInstanceOf(ReadOnlyKey)
    await expect(readGate(error, 'it', sourceOf(server.app), [])).rejects.toThrow(
      'broke off; run this again'
    )
    expect(programs()).toEqual([])
    await untouched(error.answer)
  })
})

describe('our own client', () => {
  test('says in one line that the key may only read', async () => {
    const connection = await connect(server.target())
    const error = await connection
      .run(`touch '${canary}'`, { stdin: Buffer.alloc(5_000_000, 120) })
      .catch(thrown => thrown)
    await connection.close()
    expect(error).toBeInstanceOf(ReadOnlyKey)
    expect(error.message).toMatch(/: this key may only read: [^\n]+$/)
    expectAnswer(error.answer)
    await untouched(error.answer)
  })

  test('refuses an answer of another version, or of another app', async () => {
    const connection = await connect(server.target())
    const { answer } = (await connection.run(':').catch(thrown => thrown)) as ReadOnlyKey
    await connection.close()
    const read = (text: string, app: string) =>
      readGate(new ReadOnlyKey('it', text), 'it', sourceOf(app), [])
    await expect(read(answer.replace(' 1 ', ' 2 '), server.app)).rejects.toThrow(
      'of another version (2, expected 1); the next deploy renews it'
    )
    await expect(read(answer, '/opt/other')).rejects.toThrow(
      `reads the app in ${server.app}, expected /opt/other`
    )
  })

  test('says what a runner without compose lacks', async () => {
    const { PATH } = process.env
    process.env.PATH = '/nowhere'
    try {
      await expect(resolveHere({ path: '/opt/app', compose: 'a.yml' }, [], '')).rejects.toThrow(
        /^this runner has no 'docker compose'/
      )
    } finally {
      process.env.PATH = PATH
    }
  })

  test('does not wait for a lock that it cannot have', async () => {
    const connection = await connect(server.target())
    const lock = acquireLock(connection, {
      path: server.app,
      holder: { run: '', actor: '', since: '' },
      timeoutMs: 600_000
    })
    await expect(lock.held).rejects.toThrow('this key may only read')
    await connection.close()
    await untouched('')
  })
})

describe('a pull request', () => {
  let fake: FakeGitHub
  let folder: string
  beforeAll(async () => {
    fake = await startFakeGitHub()
    folder = await mkdtemp(path.join(tmpdir(), 'diveops-pull-'))
    const project = {
      name: 'app',
      services: {
        web: { image: 'ghcr.io/owner/app' },
        proxy: {
          image: 'nginx',
          volumes: [{ type: 'bind', source: `${server.app}/proxy`, target: '/etc/nginx/conf.d' }]
        }
      }
    }
    const files = {
      'bin/docker': `#!/bin/sh\ncat <<'JSON'\n${JSON.stringify(project)}\nJSON\n`,
      'compose.yml': await readFile(path.join(server.app, 'compose.yml'), 'utf8'),
      'proxy/default.conf': 'server { listen 80; }\n',
      'diveops.yml': `path: ${server.app}\ncompose: compose.yml\nproxy: {service: proxy}\n`
    }
    for (const [name, text] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(folder, name)), { recursive: true })
      await writeFile(path.join(folder, name), text, { mode: 0o755 })
    }
    const git = (...words: string[]) => execFileSync('git', ['-C', folder, ...words])
    git('init', '--quiet')
    git('add', '--all')
  })
  afterAll(async () => {
    await fake.stop()
    await rm(folder, { recursive: true })
  })

  /** The action's run for a commit of it. */
  async function run(sha: string) {
    const repository = { full_name: 'owner/app' }
    const event = { repository, pull_request: { number: 7, head: { sha, repo: repository } } }
    await writeFile(path.join(folder, 'event.json'), JSON.stringify(event))
    const { host, user, sshKey, knownHosts = '' } = server.target()
    const place = { host, user, port: String(server.port), 'known-hosts': knownHosts }
    return runAction(
      'deploy-vps',
      { ...place, 'ssh-key': sshKey, 'plan-only': 'true', 'github-token': 'ghs_token' },
      {
        env: {
          PATH: `${path.join(folder, 'bin')}:${process.env.PATH}`,
          GITHUB_WORKSPACE: folder,
          GITHUB_REPOSITORY: 'owner/app',
          GITHUB_API_URL: fake.url,
          GITHUB_EVENT_NAME: 'pull_request',
          GITHUB_EVENT_PATH: path.join(folder, 'event.json')
        }
      }
    )
  }

  test('gets its plan as one comment, which later runs update', async () => {
    const { code, log } = await run('aaaaaaa111')
    expect({ code, log }).toMatchObject({ code: 0, log: expect.stringContaining('planned') })
    await run('bbbbbbb222')
    expect(fake.comments).toHaveLength(1)
    const body = fake.comments[0]?.body ?? ''
    expect(body).toContain('### Plan of bbbbbbb for production')
    expect(body).toContain('| proxy | reload | none | it reads proxy/default.conf')
    expect(body).toContain('- not asked: which migrations are pending')
    expect(log).toContain('Bearer ***')
    expect(fake.problems).toEqual([])
    await untouched(`${log}${body}`)
  })
})
