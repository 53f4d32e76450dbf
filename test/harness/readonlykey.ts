import { execFileSync, spawn } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { GATE, gateSource } from '../../packages/core/src/deploy/gate.ts'
import { type Sshd, startSshd } from './sshd.ts'

/** What no answer may hold: the values of secrets that lie about in the app's folder. */
export const SECRETS = {
  DB_PASSWORD: 'pw-of-the-database',
  SMTP_PASS: 'pw-of-the-mail',
  'address of the database': 'pw-in-an-address',
  'a comment': 'pw-in-a-comment',
  'a key over lines': 'AAAAkeyAAAA',
  'nginx by hand': 'token-by-hand',
  'a variable that the compose file does not use': 'pw-in-a-webhook',
  'a value with an escaped quote': 'pw-after-a-quote',
  'a hash for nginx': 'apr1-of-a-password'
}

const ENV = `# DB_PASSWORD=${SECRETS['a comment']}
GREETING=hello
DB_PASSWORD='${SECRETS.DB_PASSWORD}'
SMTP_PASS=${SECRETS.SMTP_PASS}
DATABASE_URL=postgres://app:${SECRETS['address of the database']}@db/app
SIGNING_KEY="-----BEGIN PRIVATE KEY-----
${SECRETS['a key over lines']}
-----END PRIVATE KEY-----"
ODD_SECRET="one
\\"two
${SECRETS['a value with an escaped quote']}"
WEBHOOK=https://hooks.example/${SECRETS['a variable that the compose file does not use']}
`

const NGINX = `server {
    listen 80;
    proxy_set_header Authorization "Bearer ${SECRETS['nginx by hand']}";
    proxy_set_header X-Password ${SECRETS.DB_PASSWORD};
    location / { proxy_pass http://web:8000; }
}
`

const COMPOSE = `name: app
services:
  web: {image: 'ghcr.io/owner/app', environment: {GREETING: '\${GREETING}'}}
  proxy: {image: 'nginx', ports: ['80:80'], volumes: ['./proxy:/etc/nginx/conf.d:ro']}
`

/** An engine that notes how it was called and has two containers. */
const engine = (calls: string, app: string) => `#!/bin/sh
printf '%s\\n' "$DOCKER_HOST$DOCKER_CONFIG$COMPOSE_FILE$*" | tr '\\n' ' ' >> '${calls}'; echo >> '${calls}'
case "$1 $2" in
  'version --format') echo 28.0.0 ;;
  'compose version') echo 2.40.0 ;;
  'info -f') echo / ;;
  'ps -aq') echo c1; echo c2 ;;
  'ps -q') echo c2 ;;
  'volume ls') echo app_data ;;
  'exec -i') printf 'nginx 1.27.0\\n'; sed '' '${app}/proxy/default.conf' ;;
  'inspect -f') case $3 in *.Type*) echo '${app}/proxy' ;; *) echo 'sha256:1 ghcr.io/owner/app web' ;; esac ;;
  'inspect --format')
    for name in web proxy; do printf '/app-%s-1\\t%s\\tsha256:1\\trunning\\t\\t0\\thash\\tFalse\\n' $name $name; done ;;
  'image inspect') echo sha256:2 ;;
esac
`

/** A server on which one key may only read. */
export interface ReadOnlyServer extends Sshd {
  /** Folder of the app. */
  app: string
  /** What the engine was asked, a call a line, since the last time. */
  calls(): Promise<string[]>
  /** All files of the server with their sums. */
  state(): string
  /** Runs one of OpenSSH's own programs against the server as an attacker would. */
  attack(
    program: string,
    words: readonly string[],
    more?: { stdin?: string | Buffer; env?: Record<string, string> }
  ): Promise<{ code: number | null; output: string }>
  /** Connects with OpenSSH and never reads what is answered; ends it when called. */
  hold(words: readonly string[]): () => void
  /** Where ssh2 finds it. */
  place: { host: string; port: number; username: string }
}

/** Starts it; the gate lies where a deploy puts it, with the engine's folder before its PATH. */
export async function startReadOnlyServer(config: string[] = []): Promise<ReadOnlyServer> {
  let app = ''
  const sshd = await startSshd({
    config,
    keyOptions: dir => {
      app = path.join(dir, 'opt/app')
      return `restrict,command="${app}/${GATE}"`
    }
  })
  const write = async (name: string, text: string, mode = 0o600) => {
    await mkdir(path.dirname(path.join(app, name)), { recursive: true })
    await writeFile(path.join(app, name), text, { mode })
  }
  const bin = path.join(sshd.dir, 'bin')
  const calls = path.join(sshd.dir, 'calls')
  await mkdir(bin)
  await writeFile(path.join(bin, 'docker'), engine(calls, app), { mode: 0o755 })
  await writeFile(calls, '')
  const hash = (text: string) => execFileSync('sha256sum', { input: text }).toString().slice(0, 64)
  const manifest = {
    id: '1',
    app: 'app',
    created: '',
    image: `ghcr.io/owner/app@sha256:${'1'.repeat(64)}`,
    imageId: 'sha256:1',
    services: ['web'],
    compose: 'compose.yml',
    proxy: {},
    variant: 'https',
    pairs: [],
    files: { 'compose.yml': hash(COMPOSE), 'proxy/default.conf': hash(NGINX) },
    env: { sha256: hash(ENV), follow: {} }
  }
  for (const folder of ['', 'current/']) {
    await write(`${folder}proxy/users`, `somebody:$apr1$${SECRETS['a hash for nginx']}\n`)
    await write(`${folder}compose.yml`, COMPOSE)
    await write(`${folder}proxy/default.conf`, NGINX)
  }
  await write('current/release.json', JSON.stringify(manifest, null, 2))
  await write('.env', ENV)
  await write(`.diveops/env/${hash(ENV)}`, ENV)
  await write('.diveops/journal.jsonl', '')
  await write(GATE, gateSource(app).replace(' PATH=', ` PATH=${bin}:`), 0o700)
  const options = (program: string) => [
    ...['-F', '/dev/null', '-i', sshd.keyFile, program === 'ssh' ? '-p' : '-P', String(sshd.port)],
    ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'],
    ...['-o', 'BatchMode=yes', '-o', 'LogLevel=VERBOSE']
  ]
  return {
    ...sshd,
    app,
    calls: async () => {
      const lines = (await readFile(calls, 'utf8')).split('\n').filter(Boolean)
      await writeFile(calls, '')
      return lines
    },
    state: () =>
      execFileSync(
        'sh',
        [
          '-c',
          'find . -type f ! -name log ! -name calls -exec sha256sum {} + | sort; find . | sort'
        ],
        { cwd: sshd.dir, encoding: 'utf8' }
      ),
    place: { host: '127.0.0.1', port: sshd.port, username: sshd.user },
    hold: words => {
      const child = spawn('ssh', [...options('ssh'), ...words], { stdio: 'pipe' })
      return () => child.kill()
    },
    attack: (program, words, { stdin = '', env = {} } = {}) =>
      new Promise((resolve, reject) => {
        const child = spawn(program, [...options(program), ...words], {
          env: { ...process.env, ...env }
        })
        let output = ''
        for (const stream of [child.stdout, child.stderr]) {
          stream.on('data', (data: Buffer) => {
            output += data.toString()
          })
        }
        child.stdin.on('error', () => {})
        child.stdin.end(stdin)
        child.on('error', reject)
        child.on('close', code => resolve({ code, output }))
      })
  }
}
