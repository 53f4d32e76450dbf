import type { Facts } from '@diveops/core/deploy/facts'
import type { Seen } from '@diveops/core/doctor/seen'
import { movingImages, updateRows } from '@diveops/core/doctor/updates'
import { expect, test } from '@jest/globals'

const container = (service: string, imageId: string) => ({ service, imageId })

/** An app of two services of an image of its own, and others. */
function app(images: Record<string, string>): Pick<Seen, 'project' | 'facts'> {
  const services = Object.entries(images)
  return {
    project: {
      name: 'app',
      services: Object.fromEntries(services.map(([name, image]) => [name, { image }]))
    },
    facts: {
      containers: services.map(([name, image]) => container(name, `id of ${image}`)),
      current: { services: ['web', 'worker'] }
    } as unknown as Facts
  }
}

test.each<[string, Record<string, string>, string[]]>([
  [
    'public images under a tag',
    { nginx: 'nginx:alpine', db: 'postgres' },
    ['nginx:alpine', 'postgres']
  ],
  [
    'of other registries, with a port',
    { a: 'quay.io/x/y:1', b: 'r.example:5000/z:2' },
    ['quay.io/x/y:1', 'r.example:5000/z:2']
  ],
  ['not one that cannot move', { nginx: `nginx@sha256:${'a'.repeat(64)}` }, []],
  ['not the image of the app', { web: 'ghcr.io/me/app:latest', db: 'postgres' }, ['postgres']],
  ['each once', { a: 'redis:7', b: 'redis:7' }, ['redis:7']],
  ['none that could be more than a name', { a: 'x:1?force=true', b: '$(id)' }, []]
])('asks for %s', (_, images, expected) => {
  expect(movingImages(app(images)).map(({ name }) => name)).toEqual(expected)
})

test('what does not run is not asked for', () => {
  const { project, facts } = app({ nginx: 'nginx:alpine' })
  expect(movingImages({ project, facts: { ...facts, containers: [] } })).toEqual([])
})

test('a newer build is told with what to do; one that cannot be told is no fault', () => {
  const images = ['nginx:alpine', 'redis:7', 'postgres:16'].map((name, index) => {
    return { name, id: `sha256:${index}`, services: [name.split(':')[0] as string] }
  })
  const seen = {
    config: { path: '/opt/diveops' },
    compose: { file: 'docker-compose.prod.yml', there: true }
  } as Seen
  const said = '1 sha256:a,sha256:b, sha256:b\n0 sha256:c, sha256:d\n2 sha256:e, -\n'
  const rows = updateRows(seen, images, said)
  expect(rows.map(({ severity, name }) => `${severity} ${name}`)).toEqual([
    'warning nginx:alpine',
    'ok redis:7',
    'hint postgres:16'
  ])
  expect(rows[0]?.next).toBe(
    'cd /opt/diveops && docker compose -f docker-compose.prod.yml pull nginx, then, when a short gap is well, ' +
      'cd /opt/diveops && docker compose -f docker-compose.prod.yml up -d nginx'
  )
})
