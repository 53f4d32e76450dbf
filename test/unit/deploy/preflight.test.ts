import { expect, test } from '@jest/globals'
import type { Project } from '../../../packages/core/src/app/compose.ts'
import { parseConfig } from '../../../packages/core/src/app/config.ts'
import type { Facts } from '../../../packages/core/src/deploy/facts.ts'
import {
  judgeHost,
  refuse,
  refuseForeignImage
} from '../../../packages/core/src/deploy/preflight.ts'
import { factsAt } from '../../harness/facts.ts'

const config = parseConfig('')
const now = Date.UTC(2026, 10, 23)
const good = factsAt(now)

test('a host that has everything is accepted', () => {
  expect(() => refuse(judgeHost(good, config, 'deploy@host', now))).not.toThrow()
})

test.each<[string, Partial<Facts>, RegExp]>([
  [
    'an old compose',
    { compose: { text: '2.10.2', code: 0 } },
    /docker compose on deploy@host is 2\.10\.2, expected 2\.20 or newer; install/
  ],
  [
    'the compose before that',
    { compose: { text: 'v1.29.2', code: 0 } },
    /is v1\.29\.2, expected 2\.20 or newer/
  ],
  [
    'no engine',
    { engine: { text: 'sh: 1: docker: not found', code: 127 } },
    /no Docker engine on deploy@host.*install it/
  ],
  ['missing tools', { missingTools: ['flock', 'awk'] }, /lacks flock, awk; install/],
  [
    'a full disk',
    { freeKb: { path: 1000, images: 9e6 } },
    /only 1 MB free for \/opt\/diveops on deploy@host, expected 256 MB/
  ],
  [
    'a folder of another user',
    { path: 'forbidden' },
    /user 'deploy' may not write to \/opt\/diveops.*sudo install -d -o deploy \/opt\/diveops/
  ],
  [
    'a file where the folder should be',
    { path: 'not-a-folder' },
    /\/opt\/diveops on deploy@host is not a folder/
  ]
])('%s is one line that says how to mend it', (_name, change, message) => {
  expect(() => refuse(judgeHost({ ...good, ...change }, config, 'deploy@host', now))).toThrow(
    message
  )
})

test('a clock that is off is said', () => {
  const checks = judgeHost({ ...good, clock: now / 1000 - 3600 }, config, 'deploy@host', now)
  expect(checks.find(({ name }) => name === 'clock')?.found).toMatch(/^off by 3600 s/)
})

test('a compose file without the image gets the line to write', () => {
  const services = { web: { image: undefined }, nginx: { image: 'nginx:alpine' } }
  const project = { name: 'app', services } as unknown as Project
  expect(() => refuseForeignImage(project, 'ghcr.io/nova/app', [])).toThrow(
    "no service of the compose file runs 'ghcr.io/nova/app'; its images are nginx:alpine; " +
      "the service that is the app needs 'image: ghcr.io/nova/app:latest'"
  )
  expect(() => refuseForeignImage(project, 'ghcr.io/nova/app', ['web'])).not.toThrow()
})
