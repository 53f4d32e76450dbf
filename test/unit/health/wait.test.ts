import type { Log } from '@diveops/core/base/log'
import { silentLog } from '@diveops/core/base/log'
import type { Answer } from '@diveops/core/health/expectation'
import { NoAnswer } from '@diveops/core/health/trouble'
import { notAsExpected, waitFor } from '@diveops/core/health/wait'
import { expect, test } from '@jest/globals'

const patience = { timeoutMs: 60_000, intervalMs: 250, consecutive: 1 }
const expected = { statuses: [[200, 200]] as const }

/** A clock that moves only when somebody sleeps. */
function stillClock() {
  let time = 1000
  return {
    now: () => time,
    sleep: async (ms: number) => {
      time += ms
    }
  }
}

/** Answers with the statuses in turn, the last one for ever; 0 is no answer. */
function script(...statuses: number[]) {
  let index = 0
  return async (): Promise<Answer> => {
    const status = statuses[Math.min(index++, statuses.length - 1)] as number
    if (status === 0) throw new NoAnswer('connection refused by 127.0.0.1:80')
    return {
      status,
      headers: {},
      body: '',
      release: undefined,
      certDays: undefined,
      certLife: undefined,
      ms: 1
    }
  }
}

test('the first good answer is enough', async () => {
  const seen = await waitFor(script(200), expected, patience, {
    clock: stillClock(),
    log: silentLog
  })
  expect(seen).toMatchObject({ attempts: 1, readyMs: 0, problems: [] })
})

test('goes on while nothing or something wrong answers', async () => {
  const ask = script(0, 0, 502, 200)
  const seen = await waitFor(ask, expected, patience, { clock: stillClock(), log: silentLog })
  expect(seen).toMatchObject({ attempts: 4, readyMs: 750 })
})

test('good answers must come in a row', async () => {
  const ask = script(200, 502, 200, 200, 200)
  const wait = { ...patience, consecutive: 3 }
  const seen = await waitFor(ask, expected, wait, { clock: stillClock(), log: silentLog })
  expect(seen).toMatchObject({ attempts: 5, readyMs: 500 })
})

test('ends when the time is over, with what was different', async () => {
  const seen = await waitFor(script(0, 502), expected, patience, {
    clock: stillClock(),
    log: silentLog
  })
  expect(seen.readyMs).toBeUndefined()
  expect(seen.attempts).toBe(240)
  const error = notAsExpected('http://a/', seen, patience)
  expect(error.message).toBe(
    'http://a/ did not answer as expected within 1 min 00 s (240 tries): status 502, expected 200'
  )
  expect(error.details[0]).toBe('last answer:')
})

test('says when there were good answers but not enough', async () => {
  const wait = { timeoutMs: 1000, intervalMs: 250, consecutive: 9 }
  const seen = await waitFor(script(200), expected, wait, { clock: stillClock(), log: silentLog })
  expect(seen.problems).toEqual(['only 4 good in a row, expected 9'])
})

test('tells the progress every five seconds, not at every try', async () => {
  const lines: string[] = []
  const log: Log = { ...silentLog, info: line => lines.push(line) }
  const wait = { ...patience, timeoutMs: 16_000 }
  await waitFor(script(0), expected, wait, { clock: stillClock(), log })
  expect(lines).toEqual([
    'after 5.0 s, 21 tries: connection refused by 127.0.0.1:80',
    'after 10.0 s, 41 tries: connection refused by 127.0.0.1:80',
    'after 15.0 s, 61 tries: connection refused by 127.0.0.1:80'
  ])
})

test('a try never gets more time than is left, but a second at least', async () => {
  const limits: number[] = []
  const clock = stillClock()
  const ask = async (timeoutMs: number): Promise<Answer> => {
    limits.push(timeoutMs)
    await clock.sleep(timeoutMs)
    throw new NoAnswer('no connection')
  }
  await waitFor(ask, expected, { ...patience, timeoutMs: 21_000 }, { clock, log: silentLog })
  expect(limits).toEqual([10_000, 10_000, 1000])
})
