import { expect, test } from '@jest/globals'
import type { Project } from '../../../packages/core/src/app/compose.ts'
import { parseConfig } from '../../../packages/core/src/app/config.ts'
import { partsOf } from '../../../packages/core/src/app/parts.ts'
import { candidates } from '../../../packages/core/src/deploy/backup.ts'
import type { Facts } from '../../../packages/core/src/deploy/facts.ts'
import { diffLines } from '../../../packages/core/src/deploy/filediff.ts'
import { makePlan } from '../../../packages/core/src/deploy/plan.ts'
import { migrationLines, planLines, red } from '../../../packages/core/src/deploy/plantext.ts'
import {
  chooseTactics,
  definitionHash as definition
} from '../../../packages/core/src/deploy/tactics.ts'
import { differences, type Target } from '../../../packages/core/src/deploy/target.ts'
import type { Manifest } from '../../../packages/core/src/release/manifest.ts'

const OLD = `ghcr.io/a/b@sha256:${'a'.repeat(64)}`
const NEW = `ghcr.io/a/b@sha256:${'b'.repeat(64)}`

const project = (): Project => ({
  name: 'app',
  services: {
    nginx: {
      image: 'nginx:alpine',
      ports: [{ target: 80, published: '80' }],
      volumes: [{ type: 'bind', source: '/opt/diveops/proxy', target: '/etc/nginx/conf.d' }],
      depends_on: { web: {} }
    },
    web: { image: 'ghcr.io/a/b:latest', environment: { A: '1' }, depends_on: { db: {} } },
    db: { image: 'postgres:16', environment: { POSTGRES_DB: 'app' } }
  },
  volumes: { data: { name: 'app_data' } }
})

const release = (): Manifest => ({
  id: '20261122-204501-aaaaaaa',
  app: 'app',
  created: '',
  image: OLD,
  imageId: 'sha256:old',
  imageTest: null,
  services: ['web'],
  compose: 'docker-compose.prod.yml',
  definitions: {},
  parts: Object.fromEntries(
    Object.entries(project().services).map(([name, one]) => [name, partsOf(one)])
  ),
  proxy: {},
  variant: 'http',
  pairs: [],
  files: {},
  again: [],
  env: { sha256: 'e', follow: {} }
})

const container = (service: string, imageId: string) => ({
  name: `app-${service}-1`,
  service,
  imageId,
  state: 'running',
  health: '',
  restarts: 0,
  configHash: ''
})

function facts(change: Partial<Facts> = {}): Facts {
  return {
    current: release(),
    env: { present: new Map(), sha256: 'e' },
    containers: [container('nginx', 'n'), container('web', 'sha256:old'), container('db', 'd')],
    volumes: ['app_data'],
    liveFiles: new Map([['proxy/default.conf', 'same']]),
    front: {
      kind: 'nginx',
      version: '1.30.6',
      configuration: 'http { keepalive_min_timeout 3s; upstream app { server web:8000; } }'
    },
    memoryKb: { available: 1e6, services: new Map() },
    recreates: new Set(),
    editedVariables: [],
    ...change
  } as Facts
}

function target(change: Partial<Target> = {}, services = project()): Target {
  return {
    image: OLD,
    project: services,
    built: ['web'],
    proxy: 'nginx',
    variant: 'http',
    pairs: [],
    warnings: [],
    liveFiles: new Map([['proxy/default.conf', 'same']]),
    staleFiles: new Map(),
    environment: { add: [], generate: [], follow: [] },
    follow: {},
    ...change
  }
}

function plan(wanted: Target, found: Facts) {
  // As after a deploy of ours: only what a test changes differs.
  const current = found.current as Manifest
  const { project: was } = target()
  const hashed = chooseDefinitions(was)
  const known = { ...found, current: { ...current, definitions: hashed } }
  const tactics = chooseTactics(wanted, known, parseConfig(''), { strategy: 'roll' })
  return makePlan(wanted, known, tactics, '/opt/diveops', differences(wanted, known))
}

function chooseDefinitions(was: Project): Record<string, string> {
  return Object.fromEntries(
    Object.keys(was.services).map(name => [name, definition(target({}, was), name)])
  )
}

function what(wanted: Target, found = facts()): Record<string, string> {
  return Object.fromEntries(plan(wanted, found).services.map(row => [row.service, row.what]))
}

function why(service: string, wanted: Target, found = facts()): string | undefined {
  return plan(wanted, found).services.find(row => row.service === service)?.why
}

test('nothing new keeps everything', () => {
  expect(what(target())).toEqual({ db: 'keep', web: 'keep', nginx: 'keep' })
})

test('a new image rolls what runs it, and nginx goes on to it', () => {
  const wanted = target({ image: NEW })
  expect(what(wanted)).toEqual({ db: 'keep', web: 'roll', nginx: 'reload' })
  expect(why('web', wanted)).toBe('image aaaaaaa to bbbbbbb')
  expect(why('nginx', wanted)).toBe('to go on to the new web')
})

test('a service says its own reasons, by the names of variables', () => {
  const services = project()
  services.services.web = {
    ...services.services.web,
    environment: { B: '2' },
    command: ['fast']
  }
  const wanted = target({}, services)
  expect(why('web', { ...wanted, image: NEW })).toBe(
    'image aaaaaaa to bbbbbbb; command; environment -A +B'
  )
  expect(why('db', { ...wanted, image: NEW })).toBe('')
})

test('a changed file of nginx reloads nginx and nothing else', () => {
  const wanted = target({ liveFiles: new Map([['proxy/default.conf', 'other']]) })
  expect(what(wanted)).toEqual({ db: 'keep', web: 'keep', nginx: 'reload' })
  expect(why('nginx', wanted)).toBe('it reads proxy/default.conf')
  expect(plan(wanted, facts()).files).toEqual([{ path: 'proxy/default.conf', what: 'changed' }])
})

test('a database that compose would make anew is left, in red', () => {
  const services = project()
  services.services.db = { ...services.services.db, image: 'postgres:17' }
  const wanted = target({ image: NEW }, services)
  const found = facts({ recreates: new Set(['db', 'web', 'nginx']) })
  expect(what(wanted, found)).toMatchObject({ db: 'left' })
  expect(why('db', wanted, found)).toMatch(/^its image changed: compose would make it anew/)
  expect(planLines(plan(wanted, found))[1]).toBe(
    red(`db       left              ${why('db', wanted, found)}`)
  )
})

test('a value of .env that nobody may read is told by its name', () => {
  const services = project()
  const wanted = target({ image: NEW }, services)
  const found = facts({ editedVariables: ['A'] })
  expect(why('web', wanted, found)).toBe('image aaaaaaa to bbbbbbb; environment ~A')
})

test('services that are new, gone, or not there yet', () => {
  const services = project()
  services.services.worker = { image: 'ghcr.io/a/b:latest' }
  services.volumes = { ...services.volumes, more: { name: 'app_more' } }
  const wanted = target({ image: NEW, built: ['web', 'worker'] }, services)
  const found = facts()
  found.containers.push(container('beat', 'x'))
  expect(what(wanted, found)).toMatchObject({ worker: 'create', beat: 'left' })
  expect(plan(wanted, found).alarms).toEqual(["new and empty: volume 'app_more'"])
})

test('the table is aligned', () => {
  expect(planLines(plan(target({ image: NEW }), facts()))).toEqual([
    'service  what    downtime  why',
    'db       keep',
    'web      roll    none      image aaaaaaa to bbbbbbb',
    'nginx    reload  none      to go on to the new web'
  ])
})

test('migrations that hurt the release that still serves are red, locks are not', () => {
  const operations = [
    { what: 'Remove field a from b', risk: 'breaks' as const, why: 'the column is dropped' },
    { what: 'Create index c', risk: 'locks' as const, why: 'writes wait' },
    { what: 'Create model D', risk: null, why: '' }
  ]
  expect(migrationLines([{ name: 'app.0002', operations }])).toEqual([
    'migrations pending: 1',
    '  app.0002',
    red('    breaks the release that still serves: Remove field a from b: the column is dropped'),
    '    locks: Create index c: writes wait'
  ])
})

test('a diff is short and hides what looks like a secret', () => {
  const before =
    'a\nb\nproxy_set_header X-Token "s3cretvalue";\nproxy_set_header Authorization "Bearer abcdefgh";\n'
  const after = before.replace('b\n', 'c\n').replaceAll('abcdefgh', 'hgfedcba')
  expect(diffLines(before, after)).toEqual([
    '@@ -1,4 +1,4 @@',
    ' a',
    '-b',
    '+c',
    ' proxy_set_header X-Token "***";',
    ' proxy_set_header Authorization "Bearer ***";'
  ])
  expect(diffLines('password = hunter22\n', 'password = hunter33\n')).toEqual([
    '(only the values of secrets differ)'
  ])
})

test.each<[string, Record<string, string>, string | undefined, unknown]>([
  ['by its image', { db: 'docker.io/library/postgres:16-alpine' }, undefined, ['db']],
  ['by a registry of their own', { data: 'reg.example:5000/team/postgis:16' }, undefined, ['data']],
  ['by the name that the app calls', { one: 'postgres:16', two: 'postgres:16' }, 'two', ['two']],
  ['behind a pool', { db: 'postgres:16', pool: 'edoburu/pgbouncer' }, 'pool', ['db']],
  ['by looking', { cache: 'redis:7', data: 'acme/data:1' }, undefined, ['cache', 'data']]
])('which service is PostgreSQL: %s', (_name, images, host, expected) => {
  const services = Object.fromEntries(
    Object.entries({ web: 'ghcr.io/a/b', ...images }).map(([name, image]) => [name, { image }])
  )
  const database = host === undefined ? undefined : { vendor: 'postgresql', name: 'app', host }
  const found = candidates(
    { project: { name: 'app', services }, built: ['web'], proxy: undefined },
    database
  )
  expect(found).toMatchObject({ services: expected })
})

test('a database elsewhere or of another kind is said to be one', () => {
  const wanted = target()
  expect(candidates(wanted, { vendor: 'sqlite', name: 'x', host: '' })).toBe(
    'the database is sqlite'
  )
  const away = { vendor: 'postgresql', name: 'x', host: 'db.example.com' }
  expect(candidates(wanted, away)).toMatch(/^the database is at 'db\.example\.com'/)
})
