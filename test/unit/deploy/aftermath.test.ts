import { expect, test } from '@jest/globals'
import { Cancelled, UserError } from '../../../packages/core/src/base/errors.ts'
import { silentLog } from '../../../packages/core/src/base/log.ts'
import { systemClock } from '../../../packages/core/src/base/time.ts'
import { findingsAfter } from '../../../packages/core/src/deploy/aftermath.ts'
import type { Seams } from '../../../packages/core/src/deploy/outcome.ts'
import { Refusal } from '../../../packages/core/src/deploy/preflight.ts'
import { rowsOf } from '../../../packages/core/src/deploy/row.ts'
import { ConnectionLost, type Host } from '../../../packages/core/src/ssh/host.ts'

const { ok, hint, warning, error } = rowsOf('host')
const ROWS = [
  ok('clock', 'right'),
  hint('user', 'root'),
  warning('swap', 'none'),
  error('disk', '')
]

/** Names of the rows that a failure ends with. */
async function namesAfter(failure: Error, seams: Partial<Seams> = {}): Promise<string[]> {
  const found = await findingsAfter(
    failure,
    { host: {} as Host, id: '1' },
    {
      connect: () => Promise.reject(new Error('not here')),
      clock: systemClock,
      log: silentLog,
      examine: () => Promise.resolve(ROWS),
      ...seams
    }
  )
  return found.map(({ name }) => name)
}

test('a failure ends with what is to be mended', async () => {
  expect(await namesAfter(new UserError('not healthy'))).toEqual(['swap', 'disk'])
})

test.each<[string, Error]>([
  ['a refusal', new Refusal('no engine')],
  ['a cancel', new Cancelled('stopped')],
  ['a lost connection', new ConnectionLost('gone')]
])('%s is not looked into, also when it was told before', async (_name, cause) => {
  expect(await namesAfter(cause)).toEqual([])
  const told = new UserError(cause.message, [], {
    cause: new UserError('in between', [], { cause })
  })
  expect(await namesAfter(told)).toEqual([])
})

test('a run that is cancelled has no time for it, neither before nor meanwhile', async () => {
  const failure = new UserError('not healthy')
  expect(await namesAfter(failure, { cancel: AbortSignal.abort() })).toEqual([])
  const stop = new AbortController()
  const endless: Seams['examine'] = (_host, signal) =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
      stop.abort(new Cancelled('stopped'))
    })
  expect(await namesAfter(failure, { cancel: stop.signal, examine: endless })).toEqual([])
})

test('a host that cannot be examined does not hide the failure', async () => {
  const examine = () => Promise.reject(new Error('no answer'))
  expect(await namesAfter(new UserError('not healthy'), { examine })).toEqual([])
})
