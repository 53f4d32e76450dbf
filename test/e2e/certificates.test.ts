import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { connection, resetVps, startLoad, up, vpsExec } from '@diveops/lab'
import { beforeAll, describe, expect, jest, test } from '@jest/globals'
import { type Outcome, runAction } from '../harness/action.ts'
import { type Authority, makeAuthority, type Pair } from '../harness/certificates.ts'
import { lookAgain } from '../harness/lookagain.ts'
import {
  buildTiny,
  checkoutTiny,
  edit,
  mustDeploy,
  onServer,
  put,
  putCertificate,
  rollbackTiny,
  secureSite,
  site,
  withHttps
} from '../harness/tiny.ts'
import { visitSecurely } from '../harness/visit.ts'

jest.setTimeout(300_000)

const digests = { r1: '', r2: '' }
const folderOf = '/tls/live/a.example'
const NAMES = ['a.example', 'www.a.example']
let workspace = ''
let authority: Authority
let good: Pair

async function checkout(change?: (folder: string) => Promise<void>): Promise<string> {
  return checkoutTiny(async copy => {
    await withHttps(copy)
    await edit(copy, '.env.template', 'GREETING=hello from the template\n', '')
    await change?.(copy)
  })
}

async function deploy(folder = workspace, digest = digests.r1): Promise<Outcome> {
  return mustDeploy(folder, digest)
}

const warnings = ({ log }: Outcome) =>
  log.split('\n').filter(line => line.startsWith('::warning::'))

const secure = (name = 'a.example') => visitSecurely(name, authority.cert)

/** Visitors come over HTTP, the app knows it, and nginx starts with what is there. */
async function expectPlain(release = 'r1'): Promise<void> {
  expect(await site()).toBe(`release ${release}, over HTTP`)
  expect(await onServer('cat .env')).toContain("GREETING='over HTTP'")
  await expectNginxStarts()
}

/** Visitors come over HTTPS, the app knows it, and nginx starts with what is there. */
async function expectSecure(release = 'r1', distrust?: string): Promise<void> {
  expect(await secure()).toEqual({ body: `release ${release}, over HTTPS`, distrust })
  expect(await onServer('cat .env')).toContain("GREETING='over HTTPS'")
  await expectNginxStarts()
}

async function expectNginxStarts(): Promise<void> {
  expect(await onServer('docker exec tiny-proxy-1 nginx -t')).toContain('test is successful')
}

/** As root on the server, in the folder with the lineage. */
async function root(command: string): Promise<void> {
  const { code, stderr } = await vpsExec(`cd /opt/diveops/certs/live/a.example && ${command}`)
  if (code !== 0) throw new Error(stderr)
}

beforeAll(async () => {
  await up(() => {})
  await resetVps()
  for (const name of ['r1', 'r2'] as const) digests[name] = await buildTiny(name)
  workspace = await checkout()
  authority = await makeAuthority()
  good = await authority.issue({ names: NAMES })
})

test('files of root beside no proxy cannot be told: HTTP only, and the site is there', async () => {
  await putCertificate('a.example', good)
  await root('chown -R root ../.. && chmod 0600 *.pem && chmod 0700 ..')
  const outcome = await deploy()
  expect(warnings(outcome)).toEqual([
    '::warning::nginx serves the HTTP-only plain/default.conf: the certificate ' +
      '/tls/live/a.example/fullchain.pem may not be read, and no proxy runs that could read it; run the setup-ssl action'
  ])
  await expectPlain()
})

test('files that only root may read are read as nginx reads them, and no key gets out', async () => {
  const outcome = await deploy()
  expect(warnings(outcome)).toEqual([])
  await expectSecure()
  for (const line of good.key.split('\n').slice(1, -2)) expect(outcome.log).not.toContain(line)
  const redirect = await fetch((await connection()).LAB_HTTP, { redirect: 'manual' })
  expect(redirect.status).toBe(301)
})

test('a certificate that is gone takes HTTPS away without a gap, and says so', async () => {
  await root('rm fullchain.pem')
  const load = startLoad((await connection()).LAB_HTTP)
  const outcome = await deploy()
  // Before the switch port 80 redirects to HTTPS.
  expect((await load.stop()).lost.filter(line => !line.endsWith(': 301'))).toEqual([])
  expect(warnings(outcome)).toEqual([
    '::warning::nginx serves the HTTP-only plain/default.conf: there is no certificate ' +
      '/tls/live/a.example/fullchain.pem; run the setup-ssl action'
  ])
  expect(JSON.parse(outcome.outputs.plan ?? '').services).toMatchObject([
    { service: 'store', what: 'keep' },
    { service: 'web', what: 'roll', why: expect.stringContaining('~GREETING') },
    { service: 'proxy', what: 'reload', why: expect.stringContaining('from the https to the http') }
  ])
  await expectPlain()
  await root('chmod 0755 .. ')
})

describe('what nginx would not start with is never given to it', () => {
  test.each<[string, () => Promise<unknown>, string]>([
    [
      'a link that leads nowhere',
      () => root('rm fullchain.pem && ln -s ../../archive/a.example/fullchain1.pem fullchain.pem'),
      `the certificate ${folderOf}/fullchain.pem is a link that leads nowhere`
    ],
    ['an empty key', () => root(': > privkey.pem'), `the key ${folderOf}/privkey.pem is empty`],
    [
      'something else than a certificate',
      () => root('echo "<html>" > fullchain.pem'),
      `${folderOf}/fullchain.pem is not a certificate`
    ],
    [
      'the key of another certificate',
      async () =>
        putCertificate('a.example', {
          ...good,
          key: (await authority.issue({ names: NAMES })).key
        }),
      `the key ${folderOf}/privkey.pem does not match the certificate ${folderOf}/fullchain.pem`
    ],
    [
      'a certificate for fewer names',
      async () => putCertificate('a.example', await authority.issue({ names: ['a.example'] })),
      `the certificate ${folderOf}/fullchain.pem does not cover server_name www.a.example: it is for 'a.example'`
    ]
  ])('%s', async (_name, harm, words) => {
    await putCertificate('a.example', good)
    await harm()
    const outcome = await deploy()
    expect(warnings(outcome)).toEqual([
      `::warning::nginx serves the HTTP-only plain/default.conf: ${words}; run the setup-ssl action`
    ])
    await expectPlain()
  })
})

test('an expired certificate keeps HTTPS; the deploy warns and the check fails loudly', async () => {
  await putCertificate('a.example', good)
  await deploy()
  await putCertificate(
    'a.example',
    await authority.issue({ names: NAMES, fromDays: -90, toDays: -1 })
  )
  await onServer('docker exec tiny-proxy-1 nginx -s reload')
  const outcome = await deploy(workspace, digests.r2)
  expect(warnings(outcome)).toEqual([
    expect.stringMatching(
      /^::warning::certificate of a\.example expired on \d{4}-\d\d-\d\d: run the setup-ssl action$/
    )
  ])
  await expectSecure('r2', 'CERT_HAS_EXPIRED')
  const file = path.join(tmpdir(), `diveops-ca-${process.pid}.pem`)
  await writeFile(file, authority.cert)
  const { port } = new URL((await connection()).LAB_HTTPS)
  const check = await runAction(
    'healthcheck-wait',
    {
      url: `https://a.example:${port}/health/`,
      resolve: `a.example:${port}:127.0.0.1`,
      'min-cert-days': '7',
      timeout: '2s'
    },
    { env: { NODE_EXTRA_CA_CERTS: file } }
  )
  expect(check.code).toBe(1)
  expect(check.log).toMatch(/::error::.*TLS: the certificate expired on \d{4}-\d\d-\d\d/)
})

test('a certificate near its end and a renewal that failed are told with every deploy', async () => {
  await putCertificate(
    'a.example',
    await authority.issue({ names: NAMES, fromDays: -70, toDays: 20 })
  )
  const failed = { at: '2026-11-23T03:00:00Z', result: 'failed', error: 'no A record' }
  await onServer(`cat > .diveops/tls.json <<'FILE'
${JSON.stringify({ renewal: failed })}
FILE`)
  const outcome = await deploy(workspace, digests.r2)
  expect(outcome.outputs.state).toBe('unchanged')
  expect(warnings(outcome)).toEqual([
    expect.stringMatching(
      /certificate of a\.example ends on \S+, less than a third of its life is/
    ),
    '::warning::the last renewal of the certificates failed (2026-11-23T03:00:00Z: no A record); once that is mended, run ./init-ssl.sh --renew on the server'
  ])
  await onServer('rm .diveops/tls.json')
})

test('a rollback is judged by the certificates of today: they came, they went', async () => {
  await onServer('rm -r certs/live')
  await deploy(workspace, digests.r1)
  await deploy(workspace, digests.r2)
  await expectPlain('r2')
  await putCertificate('a.example', good)
  const back = await rollbackTiny()
  expect(back.outputs).toMatchObject({ state: 'live' })
  expect(warnings(back)).toEqual([])
  await expectSecure('r1')
  await onServer('rm -r certs/live')
  const forward = await rollbackTiny({ release: back.outputs['previous-release'] as string })
  expect(forward.outputs).toMatchObject({ state: 'live' })
  expect(warnings(forward)).toEqual([expect.stringContaining('there is no certificate')])
  await expectPlain('r2')
  const said = await onServer('docker compose -f docker-compose.prod.yml up -d')
  expect(said).not.toMatch(/Creat|Recreat|Start/)
})

test('the live release is switched when certificates have come, and left alone otherwise', async () => {
  expect(await lookAgain()).toContain('unchanged')
  await expectPlain('r2')
  const migrations = await onServer('docker exec tiny-web-1 cat /data/migrations')
  await putCertificate('a.example', good)
  const said = await lookAgain()
  expect(said[0]).toBe('live')
  expect(said.join('\n')).toContain('nginx: from the http to the https variant')
  await expectSecure('r2')
  expect(await onServer('docker exec tiny-web-1 cat /data/migrations')).toBe(migrations)
  expect(await lookAgain()).toContain('unchanged')
  expect((await deploy(workspace, digests.r2)).outputs.state).toBe('unchanged')
})

describe('a domain that brings its own pair', () => {
  let own = ''

  beforeAll(async () => {
    own = await checkout(async copy => {
      await put(
        copy,
        'plain/b.conf',
        `server {
          listen 80; server_name b.example;
          location = /health/ { proxy_pass http://web:8000; }
          location / { return 418; }
        }\n`
      )
      await put(copy, 'proxy/b.conf', secureSite('b.example', 'b.example'))
      await edit(
        copy,
        'diveops.yml',
        'https: proxy/default.conf}',
        'https: proxy/default.conf, pairs: {b.example: {http: plain/b.conf, https: proxy/b.conf}}}'
      )
      await edit(copy, 'diveops.yml', 'domains: [', 'domains: [[b.example], ')
    })
  })

  test('one goes to HTTPS while the other stays, and the variables wait for both', async () => {
    await putCertificate('a.example', good)
    const half = await deploy(own, digests.r1)
    expect(warnings(half)).toEqual([
      '::warning::nginx serves the HTTP-only plain/b.conf for b.example: there is no certificate ' +
        '/tls/live/b.example/fullchain.pem; run the setup-ssl action'
    ])
    expect(await secure()).toEqual({ body: 'release r1, over HTTP', distrust: undefined })
    expect(await onServer('docker exec tiny-proxy-1 nginx -T 2>/dev/null')).toContain('return 418')
    await putCertificate('b.example', await authority.issue({ names: ['b.example'] }))
    const both = await deploy(own, digests.r1)
    expect(warnings(both)).toEqual([])
    expect(both.outputs.plan).toContain('nginx for b.example: from the http to the https variant')
    await expectSecure('r1')
    expect(await secure('b.example')).toEqual({
      body: 'release r1, over HTTPS',
      distrust: undefined
    })
  })

  test('and back, alone', async () => {
    await onServer('rm -r certs/live/a.example')
    await deploy(own, digests.r1)
    expect(await site()).toBe('release r1, over HTTP')
    expect(await secure('b.example')).toEqual({
      body: 'release r1, over HTTP',
      distrust: undefined
    })
    await expectNginxStarts()
  })
})
