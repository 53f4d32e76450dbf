import { resetVps, up } from '@diveops/lab'
import { beforeAll, expect, jest, test } from '@jest/globals'
import { type Authority, makeAuthority } from '../harness/certificates.ts'
import { asRoot, checkoutPatient, compose, deployPatient, doctor, row } from '../harness/patient.ts'
import { deployTiny, IMAGE, onServer, putCertificate } from '../harness/tiny.ts'

jest.setTimeout(600_000)

let workspace = ''
let authority: Authority
const releases: string[] = []
const NAMES = ['a.example', 'www.a.example']

beforeAll(async () => {
  await up(() => {})
  await resetVps()
  workspace = await checkoutPatient(true)
  authority = await makeAuthority()
  releases.push(await deployPatient(workspace, 'r1'))
})

const certificate = async (name: string) => row(await doctor(), 'certificates', name)

test('certificates: none yet, then there and not switched to', async () => {
  const none = await doctor()
  expect(row(none, 'certificates', 'a.example')).toMatchObject({
    severity: 'warning',
    cause: 'there is no certificate /tls/live/a.example/fullchain.pem',
    next: 'run the setup-ssl action'
  })
  expect(none.outcome.log).toContain('nginx: serves HTTP only')
  await putCertificate('a.example', await authority.issue({ names: NAMES }))
  expect(await certificate('nginx')).toMatchObject({
    found: 'serves HTTP only, and every certificate is there'
  })
  releases.push(await deployPatient(workspace, 'r2'))
  const served = await doctor()
  expect(served.problems.filter(({ area }) => area === 'certificates')).toEqual([
    expect.objectContaining({
      name: 'renewal',
      found: 'nothing on the server renews the certificates'
    })
  ])
  expect(served.outcome.log).toMatch(/✓ a\.example: until \d{4}-\d\d-\d\d/)
})

test('certificates: another served, near the end, expired, of another name or key, renewal failed', async () => {
  const good = await authority.issue({ names: NAMES })
  await putCertificate('a.example', good)
  const other = await doctor()
  expect(row(other, 'certificates', 'a.example as served')).toMatchObject({
    found: expect.stringMatching(/^certificate [0-9a-f]+, on disk is [0-9a-f]+$/),
    cause: 'nginx has not read the certificate that is on disk'
  })
  await putCertificate(
    'a.example',
    await authority.issue({ names: NAMES, fromDays: -70, toDays: 20 })
  )
  expect(await certificate('a.example')).toMatchObject({
    severity: 'warning',
    cause: expect.stringContaining('less than a third of its life is left')
  })
  await putCertificate(
    'a.example',
    await authority.issue({ names: NAMES, fromDays: -90, toDays: -1 })
  )
  expect(await certificate('a.example')).toMatchObject({ severity: 'error', found: 'expired' })
  await putCertificate('a.example', await authority.issue({ names: ['b.example'] }))
  expect((await certificate('a.example'))?.cause).toContain(
    "does not cover server_name a.example: it is for 'b.example'"
  )
  const { key } = await authority.issue({ names: NAMES })
  await putCertificate('a.example', { cert: good.cert, key })
  await onServer(
    `echo '{"renewal":{"at":"2026-11-23T03:00:00Z","result":"failed","error":"no A record"}}' > .diveops/tls.json`
  )
  const mixed = await doctor()
  expect(row(mixed, 'certificates', 'a.example')?.cause).toContain('does not match the certificate')
  expect(row(mixed, 'certificates', 'nginx')).toMatchObject({
    severity: 'error',
    found: 'serves HTTPS with certificates that are gone or broken'
  })
  // That a deploy would go back to HTTP is no edit of the file by anybody.
  expect(mixed.problems.filter(({ area }) => area === 'release')).toEqual([])
  expect(row(mixed, 'certificates', 'renewal')).toMatchObject({
    cause: 'no A record',
    next: 'cd /opt/diveops && ./init-ssl.sh --renew'
  })
  await onServer('rm .diveops/tls.json')
  await putCertificate('a.example', good)
  await compose('exec -T proxy nginx -s reload')
  expect((await doctor()).problems.map(({ name }) => name)).toEqual(['renewal'])
})

test('what differs from the release, and what interrupted runs left', async () => {
  await onServer(`echo '# by hand' >> proxy/default.conf
cp .env /tmp/env && echo 'GREETING=by hand' >> .env
docker tag redis:7-alpine ${IMAGE}:latest
docker run -d --name tiny-old-1 --label com.docker.compose.project=tiny --label com.docker.compose.service=old --label com.docker.compose.oneoff=False redis:7-alpine
docker run -d --name tiny-web-1_bridge-left-1 --label com.docker.compose.project=tiny --label com.docker.compose.service=web --label com.docker.compose.oneoff=True redis:7-alpine
docker exec -u 0 tiny-proxy-1 sh -c "echo '10.0.0.9 web # roll of web' >> /etc/hosts"
echo 'a b ' > .diveops/env.undo
cp .diveops/journal.jsonl /tmp/journal
echo '{"at":"2026-11-23T03:00:00Z","run":"1","event":"begin","action":"deploy","url":"run 7","actor":"nestor"}' >> .diveops/journal.jsonl
echo '{"at":"2026-11-23T03:01:00Z","run":"1","event":"switch","release":"r3"}' >> .diveops/journal.jsonl
docker image rm diveops.local/tiny/web:${releases[0]}`)
  const found = await doctor()
  await onServer(`cp current/proxy/default.conf proxy/default.conf; cat /tmp/env > .env; rm /tmp/env
docker tag diveops.local/tiny/web:${releases[1]} ${IMAGE}:latest
docker rm -f tiny-old-1 tiny-web-1_bridge-left-1; rm .diveops/env.undo; cat /tmp/journal > .diveops/journal.jsonl
docker exec -u 0 tiny-proxy-1 sh -c 'kept=$(grep -v "roll of" /etc/hosts); echo "$kept" > /etc/hosts'`)
  const one = (name: string) => row(found, 'release', name)
  expect(one('proxy/default.conf')).toMatchObject({
    found: 'edited on the host',
    next: expect.stringContaining('diff /opt/diveops/current/proxy/default.conf')
  })
  expect(found.problems.filter(({ area, name }) => area === 'release' && name === '.env')).toEqual([
    expect.objectContaining({ found: 'edited on the host since the release went live' }),
    expect.objectContaining({ found: 'has what an interrupted run wrote' })
  ])
  expect(one(`${IMAGE}:latest`)?.found).toMatch(/^is another image than that of the release/)
  expect(one('up -d')?.found).toContain('web')
  expect(one('tiny-old-1')?.found).toContain("service 'old', which the compose file does not have")
  expect(one('tiny-web-1_bridge-left-1')).toMatchObject({ found: 'a bridge, running' })
  expect(one('tiny-proxy-1')).toMatchObject({ found: "a pin for 'web' in its /etc/hosts" })
  expect(one('run')).toMatchObject({
    found: 'a deploy of release r3 broke off half-way',
    cause: 'what serves may be of either release (run 7 by nestor, 2026-11-23T03:01:00Z)'
  })
  expect(one('way back')).toMatchObject({
    severity: 'warning',
    found: '1 earlier releases, and no image of them is on the host'
  })
})

test('a run that is under way is told, and what it has on the host is not held against it', async () => {
  const holder = await onServer(`cp .diveops/journal.jsonl /tmp/journal
echo '{"at":"2026-11-23T03:01:00Z","run":"1","event":"switch","release":"r3"}' >> .diveops/journal.jsonl
(flock 9; exec sleep 60) 9>> .diveops/lock > /dev/null 2>&1 & echo $!`)
  const found = await doctor()
  await onServer(`kill ${holder}; cat /tmp/journal > .diveops/journal.jsonl`)
  expect(row(found, 'release', 'run')).toBeUndefined()
  expect(found.outcome.log).toContain('run: a deploy or another run is under way')
})

test('another image in place of the release, and a file that is gone', async () => {
  await onServer(`rm proxy/default.conf; docker commit tiny-web-1 ${IMAGE}:latest`)
  await compose('up -d --no-deps --force-recreate web')
  const found = await doctor()
  await onServer(`cp current/proxy/default.conf proxy/default.conf
docker tag diveops.local/tiny/web:${releases[1]} ${IMAGE}:latest`)
  await compose('up -d --no-deps --force-recreate --wait web')
  expect(row(found, 'release', 'web')?.found).toMatch(
    /^runs image [0-9a-f]{12}, not [0-9a-f]{12} of the release$/
  )
  expect(row(found, 'release', 'proxy/default.conf')).toMatchObject({ found: 'gone from the host' })
})

test('secrets that others may read, and pages that show too much', async () => {
  await onServer('chmod 644 .env; cp .env /tmp/env; echo DEBUG=True >> .env')
  const found = await doctor()
  expect(row(found, 'safety', '.env')).toMatchObject({
    found: 'mode 644, of captain',
    next: 'chmod 600 /opt/diveops/.env'
  })
  expect(row(found, 'safety', 'debug mode')).toMatchObject({
    severity: 'error',
    found: expect.stringContaining('DEBUG in .env')
  })
})

test('a failed deploy ends with what is wrong on the server, after the reason', async () => {
  const digest = `sha256:${'a'.repeat(64)}`
  const { log, summary, code } = await deployTiny(workspace, { digest })
  await onServer('cat /tmp/env > .env; chmod 600 .env; rm /tmp/env')
  expect(code).toBe(1)
  const errors = log.split('\n').filter(line => line.startsWith('::error::'))
  expect(errors).toEqual([expect.stringMatching(/image \S+ is not in the registry/)])
  expect(log).toContain('Wrong on the server after that:')
  expect(log).toContain('✗ debug mode: DEBUG in .env')
  expect(summary).toContain('| ❌ | safety: debug mode |')
  expect(summary.indexOf('is not in the registry')).toBeLessThan(summary.indexOf('debug mode'))
})

test('what the preflight refuses is said once', async () => {
  await asRoot('chown root /opt/diveops')
  const { log } = await deployTiny(workspace, { digest: `sha256:${'a'.repeat(64)}` })
  await asRoot('chown captain /opt/diveops')
  expect(log).toContain('::error::')
  expect(log).not.toContain('Wrong on the server')
})
