import { expect, test } from '@jest/globals'
import { parseConfig } from '../../../packages/core/src/app/config.ts'
import type { Seen } from '../../../packages/core/src/doctor/seen.ts'
import { siteRows } from '../../../packages/core/src/doctor/site.ts'

const seen = {
  config: parseConfig('health: {path: /up}'),
  compose: { file: 'docker-compose.prod.yml', there: true }
} as Seen

test.each([
  ['200', 'ok', 'answers 200'],
  ['301', 'ok', 'answers 301'],
  ['401', 'ok', 'answers 401'],
  ['404', 'hint', 'answers 404 for /up'],
  ['500', 'error', 'answers 500'],
  ['000', 'error', 'no answer']
])('an answer of %s is %s', (status, severity, found) => {
  const answers = {
    statuses: new Map([['http://localhost', status]]),
    lacks: [],
    folders: new Map(),
    served: new Map()
  }
  expect(siteRows(seen, answers, 'nginx')).toEqual([
    expect.objectContaining({ name: 'http://localhost', severity, found })
  ])
})
