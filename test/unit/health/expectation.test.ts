import {
  type Answer,
  describeAnswer,
  differences,
  parseMatcher,
  parseStatuses,
  releaseOf
} from '@diveops/core/health/expectation'
import { addressFor, parseResolution } from '@diveops/core/health/resolve'
import { expect, test } from '@jest/globals'

const answer: Answer = {
  status: 200,
  headers: { 'content-type': 'text/html', server: 'nginx' },
  body: '<h1>Happy Diving</h1>',
  release: 'a1',
  certDays: 12,
  certLife: 0.5,
  ms: 40
}
const statuses = [[200, 200]] as const

test.each([
  ['200', [[200, 200]]],
  [
    '200,204,300-399',
    [
      [200, 200],
      [204, 204],
      [300, 399]
    ]
  ],
  [
    ' 200 \n 301 ',
    [
      [200, 200],
      [301, 301]
    ]
  ],
  ['', undefined],
  ['ok', undefined],
  ['2000', undefined],
  ['099', undefined],
  ['399-300', undefined],
  ['200-', undefined]
])('statuses %j', (text, ranges) => {
  expect(parseStatuses(text)).toEqual(ranges)
})

test.each([
  ['ready', 'ready'],
  ['/health/', /health/],
  ['/dive/gi', /dive/i],
  ['/etc/hosts', '/etc/hosts'],
  ['/(/', undefined],
  ['/a/ii', undefined]
])('matcher %j', (text, matcher) => {
  expect(parseMatcher(text)).toEqual(matcher)
})

test.each([
  [{ 'x-release': ' a1 ' }, '{"release": "b2"}', 'a1'],
  [{}, '{"status": "ok", "release": "b2"}', 'b2'],
  [{}, '{"release": 7}', '7'],
  [{}, '{"release": null}', undefined],
  [{}, '{"release": "b2"', undefined],
  [{}, '<p>release</p>', undefined]
])('release of %j %j', (headers, body, release) => {
  expect(releaseOf(headers as Record<string, string>, body)).toBe(release)
})

test.each([
  [{ statuses }, []],
  [
    {
      statuses: [
        [204, 204],
        [300, 399]
      ] as const
    },
    ['status 200, expected 204 or 300-399']
  ],
  [{ statuses, body: 'Diving' }, []],
  [{ statuses, body: 'Buceo' }, ["body lacks 'Buceo'"]],
  [{ statuses, body: /buceo/i }, ['body lacks /buceo/i']],
  [{ statuses, headers: [{ name: 'Server', value: 'nginx' }] }, []],
  [
    { statuses, headers: [{ name: 'Server', value: 'ngin' }] },
    ["header Server is 'nginx', expected 'ngin'"]
  ],
  [{ statuses, headers: [{ name: 'Server', value: /^ngin/ }] }, []],
  [{ statuses, headers: [{ name: 'X-No', value: 'x' }] }, ['no header X-No']],
  [{ statuses, release: 'a1' }, []],
  [{ statuses, release: 'b2' }, ['release a1, expected b2']],
  [{ statuses, minCertDays: 12 }, []],
  [{ statuses, minCertDays: 13 }, ['certificate ends in 12 days, expected at least 13']]
])('differences from %j', (expected, clauses) => {
  expect(differences(expected, answer)).toEqual(clauses)
})

test('every difference is told at once', () => {
  const found = differences(
    { statuses: [[204, 204]], body: 'x', release: 'b' },
    { ...answer, release: undefined }
  )
  expect(found).toEqual([
    'status 200, expected 204',
    "body lacks 'x'",
    'no release named, expected b'
  ])
})

test('the last answer is shown short', () => {
  const lines = describeAnswer({ ...answer, body: `${'x'.repeat(500)}\n`.repeat(50) })
  expect(lines[0]).toBe('status 200 after 40 ms, text/html')
  expect(lines).toHaveLength(11)
  expect(lines[1]).toHaveLength(163)
})

test.each([
  ['example.com:443:203.0.113.7', { name: 'example.com', port: 443, address: '203.0.113.7' }],
  ['Example.com:80:[::1]', { name: 'example.com', port: 80, address: '::1' }],
  ['example.com:80:::1', { name: 'example.com', port: 80, address: '::1' }],
  ['example.com:203.0.113.7', undefined],
  ['example.com:0:203.0.113.7', undefined],
  ['example.com:443:other.example', undefined]
])('resolution %j', (line, resolution) => {
  expect(parseResolution(line)).toEqual(resolution)
})

test('a resolution holds for its own port only', () => {
  const entries = [{ name: 'example.com', port: 443, address: '127.0.0.1' }]
  expect(addressFor(new URL('https://example.com/'), entries)).toBe('127.0.0.1')
  expect(addressFor(new URL('https://EXAMPLE.com:443/'), entries)).toBe('127.0.0.1')
  expect(addressFor(new URL('http://example.com/'), entries)).toBeUndefined()
})
