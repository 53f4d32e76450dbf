import { execFileSync } from 'node:child_process'
import { expect, test } from '@jest/globals'
import { gateSource } from '../../../packages/core/src/deploy/gate.ts'
import { SCRUB } from '../../../packages/core/src/deploy/resolve.ts'

/** What `scrub` leaves of a .env; given names, only their values. */
const scrub = (env: string, names = '') =>
  execFileSync('sh', ['-c', `${SCRUB}\nscrub ${names}`], { input: env, encoding: 'utf8' })

test('is a shell program also for a folder of an odd name', () => {
  for (const path of ['/opt/diveops', `/opt/a'b "c" $(touch /tmp/x) \`y\``]) {
    execFileSync('sh', ['-n'], { input: gateSource(path) })
  }
})

test.each([
  ['a password', 'DB_PASSWORD=hidden\n', 'DB_PASSWORD=redacted\n'],
  [
    'names of other kinds',
    'SMTP_PASS=hidden\nMY_PASSPHRASE=hidden\n',
    'SMTP_PASS=redacted\nMY_PASSPHRASE=redacted\n'
  ],
  ['an exported one', "export API_KEY='hidden'\n", 'export API_KEY=redacted\n'],
  ['one in an address', 'DB=postgres://a:hidden@db/x\n', 'DB=redacted\n'],
  ['one over lines', 'A_KEY="hidden\nhidden\n"\nB=1\n', 'A_KEY=redacted\nB=1\n'],
  ['one with a quote in it', 'A_KEY="hidden\n\\"hidden\nhidden"\nB=1\n', 'A_KEY=redacted\nB=1\n'],
  ['one that was commented out', '# A_KEY=hidden\nB=1\n', 'B=1\n'],
  ['one after a quote that nothing ends', "B='\nA_KEY=hidden\n", "B='\nA_KEY=redacted\n"],
  [
    'nothing of what is no secret',
    'A="1\n2"\nPORT=80\nURL=http://a:80/b\n',
    'A="1\n2"\nPORT=80\nURL=http://a:80/b\n'
  ]
])('takes %s out of a .env', (_name, before, after) => {
  expect(scrub(before)).toBe(after)
})

test('leaves only the values of variables that are named, where some are', () => {
  const env = 'PORT=80\nexport HOST=a\nHOOK=hidden\nPORT_B=hidden\nDB_KEY=hidden\nhidden\n'
  expect(scrub(env, "' HOST PORT DB_KEY '")).toBe(
    'PORT=80\nexport HOST=a\nHOOK=redacted\nPORT_B=redacted\nDB_KEY=redacted\n'
  )
})
