import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { Project } from '../../../packages/core/src/app/compose.ts'
import {
  CERTIFICATES_PROBE,
  parseRenewal,
  readCertificates,
  readingFor
} from '../../../packages/core/src/deploy/certificates.ts'
import { look } from '../../../packages/core/src/tls/look.ts'
import { makeAuthority } from '../../harness/certificates.ts'

let app: string
let scratch: string

beforeEach(async () => {
  app = await mkdtemp(path.join(tmpdir(), "diveops 'app' "))
  scratch = await mkdtemp(path.join(tmpdir(), 'diveops-scratch-'))
})
afterEach(async () => {
  for (const folder of [app, scratch]) await rm(folder, { recursive: true, force: true })
})

async function put(name: string, content: string): Promise<void> {
  const file = path.join(app, 'certs', name)
  await mkdir(path.dirname(file), { recursive: true })
  await writeFile(file, content)
}

/** What the probe says of the folder, no proxy running. */
function probe(environment: Record<string, string> = {}): string {
  return execFileSync('sh', ['-c', `front() { :; }\n${CERTIFICATES_PROBE}`], {
    env: { ...process.env, P: app, SCRATCH: scratch, ...environment },
    encoding: 'utf8'
  })
}

const found = (text: string) =>
  new Map([...readCertificates(text)].map(([file, what]) => [path.relative(app, file), what]))

test('a lineage of certbot is read through its links, and its key never leaves the host', async () => {
  const { cert, key } = await (await makeAuthority()).issue({ names: ['a.example'] })
  await put('archive/a.example/fullchain1.pem', cert)
  await put('archive/a.example/privkey1.pem', key)
  await put('accounts/x/private_key.pem', key)
  await put('live/a.example/chain.pem', cert)
  await put('README', 'no certificate')
  for (const name of ['fullchain', 'privkey']) {
    const link = path.join(app, `certs/live/a.example/${name}.pem`)
    await symlink(`../../archive/a.example/${name}1.pem`, link)
  }
  const text = probe()
  for (const line of key.split('\n').filter(Boolean)) {
    if (!line.startsWith('-----')) expect(text).not.toContain(line)
  }
  const files = found(text)
  expect([...files.keys()].sort()).toEqual([
    'certs/live/a.example/fullchain.pem',
    'certs/live/a.example/privkey.pem'
  ])
  const project: Project = {
    name: 'app',
    services: {
      nginx: { volumes: [{ type: 'bind', source: `${app}/certs`, target: '/etc/letsencrypt' }] },
      live: { volumes: [{ type: 'bind', source: `${app}/certs/live`, target: '/tls' }] }
    }
  }
  const verdict = (service: string, folder: string) =>
    look(
      [
        {
          names: ['a.example'],
          certificate: `${folder}/a.example/fullchain.pem`,
          key: `${folder}/a.example/privkey.pem`
        }
      ],
      readingFor(project, service, readCertificates(text)),
      new Date()
    )[0]
  expect(verdict('nginx', '/etc/letsencrypt/live')).toMatchObject({ verdict: 'good' })
  expect(verdict('live', '/tls')).toMatchObject({
    verdict: 'unusable',
    problem: expect.stringContaining('mounts')
  })
  expect(verdict('nginx', '/elsewhere')?.problem).toBe(
    'there is no certificate /elsewhere/a.example/fullchain.pem'
  )
})

test('what is wrong with a file is told apart', async () => {
  const { cert, key } = await (await makeAuthority()).issue({ names: ['a.example'] })
  await put('empty.crt', '')
  await put('both.pem', `${key}\n${cert}`)
  await put('noise.key', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n')
  await put('locked.key', key.replaceAll(' PRIVATE', ' ENCRYPTED PRIVATE'))
  await put('text.pem', '@dangling not a mark\nhello\n')
  await symlink('nowhere', path.join(app, 'certs/lost.pem'))
  expect(Object.fromEntries(found(probe()))).toMatchObject({
    'certs/empty.crt': 'empty',
    'certs/lost.pem': 'dangling',
    'certs/both.pem': { publicKey: expect.stringContaining('BEGIN PUBLIC KEY') },
    'certs/noise.key': { publicKey: 'broken' },
    'certs/locked.key': { publicKey: 'unknown' },
    'certs/text.pem': { certificates: '', publicKey: undefined }
  })
})

test('no folder is nothing', () => {
  expect(found(probe()).size).toBe(0)
})

test.each([
  ['', undefined],
  ['junk', undefined],
  ['{"renewal":{"at":1,"result":"ok"}}', undefined],
  ['{"renewal":{"at":"T","result":"maybe"}}', undefined],
  ['{"renewal":{"at":"T","result":"ok"}}', { at: 'T', result: 'ok', error: undefined }],
  [
    '{"renewal":{"at":"T","result":"failed","error":"dns","more":1}}',
    { at: 'T', result: 'failed', error: 'dns' }
  ]
])('tls.json %j', (text, expected) => {
  expect(parseRenewal(text)).toEqual(expected)
})
