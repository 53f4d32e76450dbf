import { expect, test } from '@jest/globals'
import { parseConfig } from '../../../packages/core/src/app/config.ts'
import type { Facts } from '../../../packages/core/src/deploy/facts.ts'
import type { Box } from '../../../packages/core/src/doctor/boxes.ts'
import { complaintRows } from '../../../packages/core/src/doctor/complaints.ts'

const IN = 'cd /opt/diveops && docker compose -f c.yml'
const box = { name: 'app-web-1', service: 'web', command: ['gunicorn'] } as unknown as Box
const project = { name: 'app', services: { web: {}, db: { image: 'postgres:16-alpine' } } }

/** The row that a line in the log of a client that runs comes to. */
function row(line: string) {
  const nothing = { text: '', code: 0 }
  const complaints = { text: `@log app-web-1\n ${line}\n`, code: 0 }
  const sections = { boxes: nothing, words: nothing, complaints, architectures: nothing }
  const seen = {
    facts: {} as Facts,
    config: parseConfig(''),
    project,
    compose: { file: 'c.yml', there: true },
    host: 'deploy@host',
    now: 0,
    sections
  }
  return complaintRows(seen, [box])[0]
}

test.each([
  [
    'FATAL:  password authentication failed for user "app"',
    "refused for user 'app'",
    `${IN} exec db psql -U app -c '\\password'`
  ],
  [
    'could not translate host name "dbb" to address: Name or service not known',
    "'dbb' leads nowhere",
    `${IN} ps -a`
  ],
  ['Error: getaddrinfo ENOTFOUND dbb', "'dbb' leads nowhere", `${IN} ps -a`],
  [
    'FATAL:  database "shop" does not exist',
    "database 'shop' does not exist",
    `${IN} exec db psql -U postgres -d postgres -l`
  ],
  [
    'FATAL:  sorry, too many clients already',
    'all taken',
    `${IN} exec db psql -U postgres -c 'select count`
  ],
  ['connect ECONNREFUSED 172.18.0.3:5433', 'refused', `${IN} ps -a`]
])('%s', (line, found, next) => {
  expect(row(line)).toMatchObject({
    severity: 'warning',
    found,
    next: expect.stringContaining(next)
  })
})

test('a name that is nearly a service is told with it', () => {
  expect(row('could not translate host name "dbb" to address: x')?.cause).toBe(
    "no service has this name (did you mean 'db'?); there are 'web' and 'db'"
  )
})
