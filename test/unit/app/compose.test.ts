import { expect, test } from '@jest/globals'
import {
  builtRepository,
  builtServices,
  dependencies,
  hostPath,
  type Project,
  proxyService,
  repositoryOf
} from '../../../packages/core/src/app/compose.ts'

const project: Project = {
  name: 'diveops',
  services: {
    nginx: {
      image: 'nginx:alpine',
      ports: [{ target: 80, published: '80' }],
      depends_on: { web: { condition: 'service_healthy' } },
      volumes: [
        { type: 'bind', source: '/opt/diveops/docker/nginx', target: '/etc/nginx' },
        { type: 'volume', source: 'certs_data', target: '/etc/nginx/certs' }
      ]
    },
    web: { image: 'ghcr.io/a/b:latest', depends_on: { db: {}, redis: {} } },
    worker: { image: 'ghcr.io/a/b:latest', depends_on: { db: {} } },
    db: { image: 'postgres:16-alpine' },
    redis: { image: 'redis:7-alpine' }
  },
  volumes: {
    certs_data: { name: 'certs_data', driver_opts: { o: 'bind', device: '/opt/diveops/certs' } }
  }
}

test.each([
  ['nginx', 'docker.io/library/nginx'],
  ['nginx:alpine', 'docker.io/library/nginx'],
  ['host:5000/a/b', 'host:5000/a/b'],
  [`host:5000/a/b:v1@sha256:${'a'.repeat(64)}`, 'host:5000/a/b']
])('%s is an image of %s', (image, repository) => {
  expect(repositoryOf(image)).toBe(repository)
})

test('services of the built image, the proxy and what they need are found', () => {
  expect(builtServices(project, 'ghcr.io/a/b')).toEqual(['web', 'worker'])
  expect(proxyService(project, undefined)).toBe('nginx')
  expect(dependencies(project, ['web'])).toEqual(['db', 'redis'])
  expect(() => proxyService(project, 'ngnix')).toThrow("service 'ngnix' is not in the compose file")
})

test("a digest alone goes with the compose file's own image", () => {
  expect(builtRepository(project, undefined)).toBe('ghcr.io/a/b')
  const two: Project = {
    name: 'x',
    services: { a: { image: 'ghcr.io/a/a' }, b: { image: 'ghcr.io/a/b' }, c: { image: 'redis' } }
  }
  expect(builtRepository(two, 'A/b')).toBe('ghcr.io/a/b')
  expect(() => builtRepository(two, undefined)).toThrow("give the input 'image'")
})

test('a path in a container is found on the host, through the nearest mount', () => {
  const find = (file: string) => hostPath(project, 'nginx', file)
  expect(find('/etc/nginx/certs/live/a/fullchain.pem')).toBe(
    '/opt/diveops/certs/live/a/fullchain.pem'
  )
  expect(find('/etc/nginx/nginx.conf')).toBe('/opt/diveops/docker/nginx/nginx.conf')
  expect(find('/var/lib/x')).toBeUndefined()
})
