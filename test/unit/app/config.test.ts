import { expect, test } from '@jest/globals'
import { parseConfig } from '../../../packages/core/src/app/config.ts'

test('an empty file gives every default', () => {
  expect(parseConfig('')).toEqual({
    path: '/opt/diveops',
    compose: 'docker-compose.prod.yml',
    proxy: { pairs: {} },
    stopFirst: [],
    release: [],
    health: { path: '/health/', timeoutMs: 60_000, bakeMs: 10_000, errorsPercent: 5 },
    domains: [],
    env: { template: '.env.template', https: {}, http: {} },
    backup: 'auto',
    keep: 5
  })
})

test('release commands keep their order and say which may be repeated', () => {
  const { release } = parseConfig(`release:
  - web: python manage.py migrate --noinput
  - web: python manage.py collectstatic --noinput
    again: true
`)
  expect(release).toEqual([
    { service: 'web', command: 'python manage.py migrate --noinput', again: false },
    { service: 'web', command: 'python manage.py collectstatic --noinput', again: true }
  ])
})

test.each([
  ['paht: /srv\n', /^diveops\.yml:1: 'paht' is not known \(did you mean 'path'\?\)/],
  [
    'keep: 3\nhealth:\n  timout: 5s\n',
    /^diveops\.yml:3: 'health\.timout' is not known \(did you mean 'timeout'\?\)/
  ],
  [
    'health: {timeout: soon}\n',
    /^diveops\.yml:1: 'health\.timeout': got 'soon', expected a duration/
  ],
  ['health: {errors: 0.05}\n', /^diveops\.yml:1: 'health\.errors': got '0\.05', expected a string/],
  [
    "health: {errors: '105%'}\n",
    /^diveops\.yml:1: 'health\.errors': got '105%', expected a share such as '5%'/
  ],
  [
    'backup: daily\n',
    /^diveops\.yml:1: 'backup': got 'daily', expected 'auto', 'off' or a mapping with service, command/
  ],
  [
    'backup: {service: db}\n',
    /'backup': got a list or mapping, expected 'auto', 'off' or a mapping/
  ],
  ['migrations: {service: web}\n', /'migrations\.pending': got nothing, expected a string/],
  ['keep: many\n', /^diveops\.yml:1: 'keep': got 'many', expected a number/],
  ['keep: 0\n', /'keep': got '0', expected at least 1/],
  ['path: opt/app\n', /'path': got 'opt\/app', expected an absolute path on the host/],
  [
    'compose: ../other.yml\n',
    /'compose': got '\.\.\/other\.yml', expected a path inside the repository/
  ],
  [
    'compose: docker/compose.yml\n',
    /'compose': got 'docker\/compose\.yml', expected a file at the root/
  ],
  [
    'domains: [["https://a.mx"]]\n',
    /'domains\.0\.0': got 'https:\/\/a\.mx', expected a domain name/
  ],
  [
    'proxy:\n  pairs:\n    a.mx: {http: a, htps: b, https: c}\n',
    /^diveops\.yml:3: 'proxy\.pairs\.a\.mx\.htps' is not known \(did you mean 'https'\?\)/
  ],
  [
    'proxy:\n  https: b\n  pairs: {a.mx: {http: a, https: b}}\n',
    /'proxy\.pairs': got a list or mapping, expected an https file of its own for each pair/
  ],
  [
    'proxy: {pairs: {a.mx: {https: b}}}\n',
    /'proxy\.pairs\.a\.mx\.http': got nothing, expected a string/
  ],
  ['release:\n  - {web: a, worker: b}\n', /expected one 'service: command' pair/],
  ['a: [\n', /^diveops\.yml: /]
])('a bad file gets one line: %j', (text, message) => {
  expect(() => parseConfig(text)).toThrow(message)
})
