import { generateKeyPairSync } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { connection, resetVps, startVpsEngine, stopVpsEngine, up, vpsExec } from '@diveops/lab'
import { beforeAll, expect, jest, test } from '@jest/globals'
import {
  buildTiny,
  checkoutTiny,
  deployTiny,
  edit,
  IMAGE,
  mustDeploy,
  put,
  site,
  snapshot
} from '../harness/tiny.ts'

jest.setTimeout(300_000)

let live = ''
let next = ''

beforeAll(async () => {
  await up(() => {})
  await resetVps()
  live = await buildTiny('live')
  next = await buildTiny('next')
  const workspace = await checkoutTiny()
  await mustDeploy(workspace, live)
})

/** Deploys and expects one clear line, exit 1, and a server that is as it was. */
async function refused(
  message: string | RegExp,
  inputs: Record<string, string>,
  change?: (folder: string) => Promise<void>
): Promise<void> {
  const workspace = await checkoutTiny(change)
  const before = await snapshot()
  const outcome = await deployTiny(workspace, { digest: next, ...inputs })
  const errors = outcome.log.split('\n').filter(line => /^::error( [^:]*)?::/.test(line))
  expect(errors).toHaveLength(1)
  expect(decodeURIComponent(errors[0] as string)).toMatch(message)
  expect(outcome.code).toBe(1)
  expect(outcome.outputs.state ?? 'untouched').toBe('untouched')
  expect(await snapshot()).toBe(before)
  expect(await site()).toBe('release live, hello from the template')
}

const publicKey =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1wq1Yz0u1j0iQ9lLr7c4xYb8mQyM8m0b0m3s9v1k2L me@laptop'
const unknownHost =
  '203.0.113.7 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1wq1Yz0u1j0iQ9lLr7c4xYb8mQyM8m0b0m3s9v1k2L'

test.each<[string, string | RegExp, Record<string, string>]>([
  ['an empty secret', /input 'ssh-key'.*empty/, { 'ssh-key': '' }],
  ['a public key', /input 'ssh-key'.*public key/, { 'ssh-key': publicKey }],
  [
    'an empty host',
    /input 'host' is empty, expected the name or address of the server/,
    { host: '' }
  ],
  ['no pinned host key', /known-hosts.*ssh-ed25519 AAAA/s, { 'known-hosts': '' }],
  ['a pin for another host', /known-hosts/, { 'known-hosts': unknownHost }],
  [
    'a closed port',
    /host '127\.0\.0\.1' refuses connections to port 1: nothing listens there/,
    { port: '1' }
  ],
  [
    'a port that is none',
    /input 'port': got 'ssh', expected a whole number from 1 to 65535/,
    { port: 'ssh' }
  ],
  ['a wrong user', /'nobody-here'.*authorized_keys/s, { user: 'nobody-here' }],
  [
    'an image without digest',
    /input 'image': got 'ghcr\.io\/a\/b:latest', expected name@sha256/,
    { digest: '', image: 'ghcr.io/a/b:latest' }
  ],
  [
    'both image and digest',
    /'image' and 'digest' are both set/,
    { image: `${IMAGE}@sha256:${'a'.repeat(64)}` }
  ],
  [
    'an image that no service runs',
    /no service of the compose file runs 'ghcr\.io\/somebody\/else'.*its images are/,
    { digest: '', image: `ghcr.io/somebody/else@sha256:${'a'.repeat(64)}` }
  ],
  [
    'a digest that is not in the registry',
    /image ghcr\.io\/nestorwheelock\/tiny@sha256:aaaa\S* is not in the registry/,
    { digest: `sha256:${'a'.repeat(64)}` }
  ],
  [
    'a token that the registry refuses',
    /the registry refused the token.*registry-token/,
    { 'registry-token': 'ghp_wrong' }
  ],
  [
    'an input that is not known',
    /input 'helth-timeout' is not known \(did you mean 'health-timeout'\?\)/,
    { 'helth-timeout': '5s' }
  ],
  [
    'a duration that is none',
    /input 'health-timeout': got 'soon', expected a duration/,
    { 'health-timeout': 'soon' }
  ],
  [
    'an env line without name',
    /input 'env': line 1 is not of the form NAME=value/,
    { env: 'just words' }
  ],
  [
    'a value that .env cannot hold',
    /'A_TOKEN': its value has a single quote/,
    { env: "A_TOKEN=it's" }
  ],
  [
    'a folder that this user may not write',
    /\/srv\/app.*sudo install -d -o captain \/srv\/app/,
    { path: '/srv/app' }
  ],
  [
    'a config that is not there',
    /input 'config': file 'other\.yml' is not in the checkout/,
    { config: 'other.yml' }
  ]
])('%s', (_name, message, inputs) => refused(message, inputs))

test.each<[string, string | RegExp, (folder: string) => Promise<void>]>([
  [
    'a compose file that is missing',
    /compose file 'compose\.prod\.yaml' is not in the checkout/,
    copy => edit(copy, 'diveops.yml', 'release:', 'compose: compose.prod.yaml\nrelease:')
  ],
  [
    'a compose file that is no YAML',
    /docker-compose\.prod\.yml: /,
    copy => put(copy, 'docker-compose.prod.yml', 'services: [')
  ],
  [
    'a compose file that compose refuses',
    /compose file 'docker-compose\.prod\.yml': .*imagee/,
    copy => edit(copy, 'docker-compose.prod.yml', 'image: nginx', 'imagee: nginx')
  ],
  [
    'a variable that the compose file requires',
    /variable 'DEPTH' is required and not set/,
    copy =>
      edit(
        copy,
        'docker-compose.prod.yml',
        'image: nginx:alpine',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of compose, not ours.
        'image: nginx:${DEPTH:?how deep}'
      )
  ],
  [
    'a required variable of the template',
    /\.env: 'SMTP_PASSWORD' required and not set/,
    copy => put(copy, '.env.template', 'SMTP_PASSWORD={{required}}\n')
  ],
  [
    'a service that is not in the compose file',
    /diveops\.yml: 'release': service 'webb' is not in the compose file/,
    copy => edit(copy, 'diveops.yml', '- web:', '- webb:')
  ],
  [
    'a key of diveops.yml that is not known',
    /diveops\.yml:1: 'relaese' is not known \(did you mean 'release'\?\)/,
    copy => edit(copy, 'diveops.yml', 'release:', 'relaese:')
  ],
  [
    'a release command that fails',
    /release command 'false' in service 'web' failed with exit code 1/,
    copy => put(copy, 'diveops.yml', 'release:\n  - web: "false"\n')
  ]
])('%s', (_name, message, change) => refused(message, {}, change))

test('a changed host key', async () => {
  const lab = await connection()
  const lines = (await readFile(lab.LAB_KNOWN_HOSTS, 'utf8')).split('\n')
  const { publicKey: other } = generateKeyPairSync('ed25519')
  const raw = other.export({ format: 'der', type: 'spki' }).subarray(-32)
  const size = (n: number) => Buffer.from([0, 0, 0, n])
  const blob = Buffer.concat([size(11), Buffer.from('ssh-ed25519'), size(32), raw])
  const place = (lines.find(line => line.includes('ed25519')) as string).split(' ')[0]
  await refused(/host key/i, {
    'known-hosts': `${place} ssh-ed25519 ${blob.toString('base64')}`
  })
})

test('a key whose passphrase is wrong', async () => {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'right' }
  })
  await refused(/passphrase/, { 'ssh-key': privateKey, passphrase: 'wrong' })
})

test('a key with broken newlines is repaired silently', async () => {
  const key = await readFile((await connection()).LAB_SSH_KEY, 'utf8')
  const workspace = await checkoutTiny()
  const outcome = await deployTiny(workspace, {
    digest: live,
    'ssh-key': key.trim().replaceAll('\n', '\\n')
  })
  expect(outcome.outputs.state).toBe('unchanged')
})

test('a user who may not use Docker', async () => {
  await vpsExec(`useradd -m -s /bin/sh nodocker && passwd -d nodocker
mkdir -p /home/nodocker/.ssh && cp ~captain/.ssh/authorized_keys /home/nodocker/.ssh/
chown -R nodocker /home/nodocker/.ssh && install -d -o nodocker /opt/other`)
  try {
    await refused(/user 'nodocker' may not use the Docker socket.*usermod -aG docker nodocker/, {
      user: 'nodocker',
      path: '/opt/other'
    })
  } finally {
    await vpsExec('userdel -rf nodocker; rm -rf /opt/other')
  }
})

test('a port that another program has', async () => {
  await vpsExec('docker run -d --name squatter -p 8081:80 nginx:alpine')
  try {
    await refused(
      /port 8081 on \S+ is used by container 'squatter', and service 'proxy' publishes it/,
      {},
      copy => edit(copy, 'docker-compose.prod.yml', '["80:80"]', '["80:80", "8081:80"]')
    )
  } finally {
    await vpsExec('docker rm -f squatter')
  }
})

test('a host without compose', async () => {
  const plugin = '/usr/libexec/docker/cli-plugins/docker-compose'
  await vpsExec(`mv ${plugin} ${plugin}.away`)
  try {
    await refused(/no 'docker compose' on .*docker-compose-plugin/, {})
  } finally {
    await vpsExec(`mv ${plugin}.away ${plugin}`)
  }
})

test('a missing .env beside data that exists', async () => {
  await vpsExec('mv /opt/diveops/.env /root/env')
  try {
    await refused(/\.env is missing, but volume '\S+' with data of this app exists/, {})
  } finally {
    await vpsExec('mv /root/env /opt/diveops/.env')
  }
})

test('a host whose engine does not run', async () => {
  const workspace = await checkoutTiny()
  await stopVpsEngine()
  try {
    const outcome = await deployTiny(workspace, { digest: next })
    expect(outcome.code).toBe(1)
    expect(outcome.outputs.state).toBe('untouched')
    expect(outcome.log).toMatch(/::error::the Docker engine on \S+ does not answer/)
  } finally {
    await startVpsEngine()
  }
})
