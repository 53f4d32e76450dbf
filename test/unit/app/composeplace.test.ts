import { expect, test } from '@jest/globals'
import { composeLine } from '../../../packages/core/src/app/composeplace.ts'
import { referencedPaths } from '../../../packages/core/src/app/references.ts'

const COMPOSE = `name: app
servics: {}
services:
  db:
    image: postgres
  web:
    image: nginx
    imge: nginx
    depends_on: [cache]
    networks:
      - front
    volumes:
      - ./site:/site
      - data:/x
    environment:
      A: \${SECRET:?set it}
    ports:
      - 80:80
      - {target: x}
    healthcheck:
      test: x
      interval: soon
`

// As compose 2.20 to 2.40 say it.
test.each([
  ['yaml: line 7: did not find expected key', 7],
  ['validating /x/c.yml: services.web Additional property imge is not allowed', 8],
  ["validating /x/c.yml: services.web additional properties 'imge' not allowed", 8],
  ['validating /x/c.yml: (root) Additional property servics is not allowed', 2],
  ['validating /x/c.yml: services.web.ports must be a list', 17],
  ['services.web.ports.1.target must be a integer', 19],
  ['service "web" depends on undefined service "cache": invalid compose project', 9],
  ['service "web" refers to undefined network front: invalid compose project', 11],
  ['service "web" refers to undefined volume data: invalid compose project', 14],
  [
    'error while interpolating services.web.environment.A: required variable SECRET is missing a value: set it',
    16
  ],
  ['required variable SECRET is missing a value: set it', 16],
  ['invalid interpolation format for services.web.image.\nYou may need to escape any $', 7],
  ['service "web" has neither an image nor a build context specified', 6],
  [
    "decoding failed due to the following error(s):\n\nerror decoding 'services[web].healthcheck.interval': time: invalid duration",
    22
  ],
  ['services.web.deploy.replicas must be a number', 6],
  ['Invalid containerPort: a', undefined],
  ['service "other" depends on undefined service "x"', 3],
  ['', undefined]
])('%s', (complaint, line) => {
  expect(composeLine(COMPOSE, complaint)).toBe(line)
})

test('any complaint of any file is taken', () => {
  expect(composeLine('services: [', 'services.web must be a mapping')).toBe(1)
  expect(composeLine('', 'services.web.x[ is')).toBeUndefined()
  expect(composeLine('- a\n- b\n', 'services.0')).toBeUndefined()
})

test('a file that is no YAML is told with its line', () => {
  let place: unknown
  try {
    referencedPaths('services:\n  web:\n   image: a\n  - b\n', 'c.yml')
  } catch (error) {
    place = (error as { place: unknown }).place
  }
  expect(place).toEqual({ file: 'c.yml', line: 4 })
})
