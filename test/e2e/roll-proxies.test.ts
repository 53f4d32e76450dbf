import { connection, resetVps, type Seen, underLoad, up } from '@diveops/lab'
import { beforeAll, describe, expect, jest, test } from '@jest/globals'
import { type Outcome, unexpected } from '../harness/action.ts'
import { keepFigures } from '../harness/figures.ts'
import {
  buildTiny,
  checkoutTiny,
  deployTiny,
  edit,
  mustDeploy,
  onServer,
  put,
  site
} from '../harness/tiny.ts'

jest.setTimeout(300_000)

const CADDY = ':80 {\n\treverse_proxy web:8000\n}\n'
const HAPROXY = `global
  log stdout format raw local0
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend in
  bind :80
  default_backend app
backend app
  server web web:8000
`
const digests = { r1: '', r2: '' }

beforeAll(async () => {
  await up(() => {})
  for (const name of ['r1', 'r2'] as const) digests[name] = await buildTiny(name)
})

type Change = (copy: string) => Promise<void>

/** A checkout of the tiny app with another proxy before it. */
async function checkout(image: string, folder: string, ...changes: Change[]): Promise<string> {
  return checkoutTiny(async copy => {
    await edit(copy, 'diveops.yml', 'release:', 'health: {bake: 2s}\nrelease:')
    await edit(copy, 'docker-compose.prod.yml', 'nginx:alpine', image)
    await edit(copy, 'docker-compose.prod.yml', '/etc/nginx/conf.d', folder)
    for (const change of changes) await change(copy)
  })
}

async function visited(what: () => Promise<Outcome>): Promise<{ result: Outcome; seen: Seen }> {
  const { result, seen } = await underLoad((await connection()).LAB_HTTP, what)
  await keepFigures(expect.getState().currentTestName ?? '', seen)
  if (seen.lost.length > 0) {
    const log = await onServer(
      'docker logs --tail 2000 tiny-proxy-1 2>&1 | grep -i error | tail -n 5'
    )
    throw new Error(`lost: ${seen.lost.join('; ')}; the proxy says: ${log}`)
  }
  return { result, seen }
}

async function firstDeploy(workspace: string): Promise<void> {
  await resetVps()
  await mustDeploy(workspace, digests.r1)
}

function plan(outcome: Outcome): { service: string; what: string; why: string }[] {
  if (!outcome.outputs.plan) throw unexpected(outcome)
  return JSON.parse(outcome.outputs.plan).services
}

async function expectClean(): Promise<void> {
  expect(await onServer('docker ps -a --format "{{.Names}}" | sort')).toBe(
    'tiny-proxy-1\ntiny-store-1\ntiny-web-1\n'
  )
  expect(await onServer('docker exec tiny-proxy-1 cat /etc/hosts')).not.toContain('roll of')
  const said = await onServer('docker compose -f docker-compose.prod.yml up -d')
  expect(said).not.toMatch(/Creat|Recreat|Start/)
}

const proxies = [
  {
    name: 'Caddy',
    image: 'caddy:alpine',
    folder: '/etc/caddy',
    file: 'proxy/Caddyfile',
    text: CADDY,
    place: 'reverse_proxy',
    header: 'header X-Depth 40\n\treverse_proxy',
    wrong: 'reverse_porxy',
    complaint: 'unrecognized directive: reverse_porxy',
    late: CADDY.replace('web:8000', '{\n\t\tdynamic a web 8000\n\t}')
  },
  {
    name: 'HAProxy',
    image: 'haproxy:alpine',
    folder: '/usr/local/etc/haproxy',
    file: 'proxy/haproxy.cfg',
    text: HAPROXY,
    place: 'default_backend',
    header: 'http-response set-header X-Depth 40\n  default_backend',
    wrong: 'default_backned',
    complaint: "unknown keyword 'default_backned'",
    late: `${HAPROXY.replace('web:8000', 'web:8000 resolvers docker init-addr none')}resolvers docker\n  nameserver dns 127.0.0.11:53\n`
  }
]

describe.each(proxies)('$name', proxy => {
  const { image, folder, file, text } = proxy
  const withText = (content: string) => checkout(image, folder, copy => put(copy, file, content))
  let workspace = ''

  beforeAll(async () => {
    workspace = await withText(text)
    await firstDeploy(workspace)
  })

  test('a roll loses no request and leaves nothing behind', async () => {
    const before = await onServer('docker inspect -f "{{.Id}} {{.State.StartedAt}}" tiny-proxy-1')
    const { result, seen } = await visited(() =>
      deployTiny(workspace, { digest: digests.r2, strategy: 'roll' })
    )
    expect(plan(result)).toMatchObject([
      { service: 'store', what: 'keep' },
      { service: 'web', what: 'roll' },
      { service: 'proxy', what: 'reload' }
    ])
    expect(result.outputs.state).toBe('live')
    expect(Object.keys(seen.releases).sort()).toEqual(['r1', 'r2'])
    const applied = (await onServer('docker exec tiny-web-1 cat /data/bookings')).split('\n')
    for (const key of seen.posted) expect(applied.filter(line => line === key)).toHaveLength(1)
    expect(await onServer('docker inspect -f "{{.Id}} {{.State.StartedAt}}" tiny-proxy-1')).toBe(
      before
    )
    await expectClean()
  })

  test('a change of its configuration is a reload, one that it refuses is put back', async () => {
    const changed = await withText(text.replace(proxy.place, proxy.header))
    const wrong = await withText(text.replace(proxy.place, proxy.wrong))
    const { result } = await visited(async () => {
      const live = await deployTiny(changed, { digest: digests.r2, strategy: 'roll' })
      expect(live.outputs.state).toBe('live')
      return deployTiny(wrong, { digest: digests.r2, strategy: 'roll' })
    })
    expect(result.outputs.state).toBe('restored')
    expect(result.log).toContain('refuses the configuration of this release')
    expect(result.log).toContain(proxy.complaint)
    const { headers } = await fetch((await connection()).LAB_HTTP)
    expect(headers.get('x-depth')).toBe('40')
  })

  test('names that it resolves by itself are a gap that the plan names, and it is served through', async () => {
    const late = await withText(proxy.late)
    expect((await deployTiny(late, { digest: digests.r2, strategy: 'roll' })).outputs.state).toBe(
      'live'
    )
    const outcome = await deployTiny(late, { digest: digests.r1, strategy: 'roll' })
    expect(plan(outcome)[1]).toMatchObject({
      service: 'web',
      what: 'recreate',
      why: expect.stringContaining(
        `stop-first: ${proxy.name} resolves 'web' by itself while it runs`
      )
    })
    expect(outcome.outputs.state).toBe('live')
    expect(await site()).toMatch(/^release r1/)
  })
})

describe('an old nginx', () => {
  let workspace = ''

  beforeAll(async () => {
    workspace = await checkout('nginx:1.22', '/etc/nginx/conf.d')
    await firstDeploy(workspace)
  })

  test('is rolled, and the plan recommends a newer one for visitors with keep-alive connections', async () => {
    const { result } = await visited(() =>
      deployTiny(workspace, { digest: digests.r2, strategy: 'roll' })
    )
    expect(result.outputs.state).toBe('live')
    const advice = expect.stringMatching(/nginx 1\.22\.\d+ .* nginx 1\.27\.4 or newer/)
    expect(plan(result)[2]).toMatchObject({ service: 'proxy', what: 'reload', why: advice })
    expect(result.log).toMatch(/proxy +reload +none .*nginx 1\.27\.4 or newer/)
    await expectClean()
  })
})

test('a Caddy that cannot reload is replaced with a gap, and the plan says why beforehand', async () => {
  const folder = await checkout('caddy:alpine', '/etc/caddy', copy =>
    put(copy, 'proxy/Caddyfile', `{\n\tadmin off\n}\n${CADDY}`)
  )
  await firstDeploy(folder)
  const outcome = await deployTiny(folder, { digest: digests.r2, strategy: 'roll' })
  expect(plan(outcome).slice(1)).toMatchObject([
    {
      service: 'web',
      what: 'recreate',
      why: expect.stringContaining(
        "stop-first: service 'proxy' cannot reload: its admin endpoint is off"
      )
    },
    { service: 'proxy', what: 'recreate', downtime: 'a second or so' }
  ])
  expect(outcome.outputs.state).toBe('live')
  expect(await site()).toMatch(/^release r2/)
  await expectClean()
})
