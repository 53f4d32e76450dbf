import { expect, test } from '@jest/globals'
import type { Box } from '../../../packages/core/src/doctor/boxes.ts'
import { missingVariable, whyDead } from '../../../packages/core/src/doctor/death.ts'

const box: Box = {
  name: 'app-web-1',
  service: 'web',
  oneoff: false,
  status: 'exited',
  exit: 1,
  oom: false,
  restarts: 0,
  health: '',
  error: '',
  started: '2026-11-24T00:00:00Z',
  policy: 'always',
  image: 'web:1',
  imageId: 'sha256:1',
  command: null,
  ports: null,
  mounts: null
}
const amd64 = { host: 'amd64', image: 'amd64' }

test.each([
  ["KeyError: 'SECRET_KEY'", 'SECRET_KEY'],
  [
    'django.core.exceptions.ImproperlyConfigured: Set the DATABASE_URL environment variable',
    'DATABASE_URL'
  ],
  ['Error: Missing required environment variable: STRIPE_KEY', 'STRIPE_KEY'],
  ['cannot start: the setting DEPTH is missing', 'DEPTH'],
  ['Error: REDIS_URL is not set', 'REDIS_URL'],
  ['error: environment variable "JWT_SECRET" must be set', 'JWT_SECRET'],
  ['decouple.UndefinedValueError: EMAIL_HOST not found. Declare it as envvar', undefined],
  [
    'You must specify POSTGRES_PASSWORD to a non-empty value for the superuser.',
    'POSTGRES_PASSWORD'
  ],
  ['env: PORT must be set to a non-empty value', 'PORT'],
  ['listening on port 8000', undefined],
  ['HTTP method GET is not allowed', undefined],
  ['JSON is required', undefined]
])('the variable that "%s" misses', (line, name) => {
  expect(missingVariable(['starting', line])).toBe(name)
})

test.each<[string, Map<string, boolean> | undefined, string, string]>([
  ['no .env', undefined, 'there is no .env', 'set DEPTH by the input'],
  ['not in it', new Map(), 'it is not in .env', 'set DEPTH by the input'],
  ['empty there', new Map([['DEPTH', false]]), 'it is empty in .env', 'set DEPTH by the input'],
  [
    'in it',
    new Map([['DEPTH', true]]),
    'it is in .env, and the service does not get it',
    "name it under 'environment'"
  ]
])('a missing variable: %s', (_name, present, where, next) => {
  const env = present && { present, sha256: '' }
  const why = whyDead(box, ['the setting DEPTH is missing'], env, amd64)
  expect(why.cause).toBe(`it misses the variable DEPTH; ${where}`)
  expect(why.next).toContain(next)
})

test.each<[string, Partial<Box>, string[], typeof amd64, RegExp]>([
  ['lack of memory', { exit: 137, oom: true }, [], amd64, /more memory .*OOMKilled/],
  [
    'a kill',
    { exit: 137 },
    ['bye'],
    amd64,
    /^it was killed \(exit code 137\); its log ends with: bye$/
  ],
  ['a crash', { exit: 139 }, [], amd64, /segmentation fault/],
  ['no such command', { exit: 127 }, [], amd64, /its command is not in the image/],
  ['another code', { exit: 42 }, [], amd64, /^it ended with exit code 42$/],
  [
    'another machine',
    { exit: 1 },
    ['exec /run: exec format error'],
    { host: 'amd64', image: 'arm64' },
    /its image is for arm64, this server is amd64/
  ],
  [
    'a taken port',
    {
      status: 'created',
      exit: 128,
      error: 'Bind for 0.0.0.0:80 failed: port is already allocated'
    },
    [],
    amd64,
    /a port that it publishes is used by something else/
  ],
  [
    'a mount',
    { error: 'error mounting "/x"' },
    [],
    amd64,
    /the engine could not start it: error mounting/
  ]
])('why it ended: %s', (_name, change, log, architectures, cause) => {
  expect(whyDead({ ...box, ...change }, log, undefined, architectures).cause).toMatch(cause)
})
