import { expect, test } from '@jest/globals'
import { rollTimes, wayBackTime } from '../../../packages/bench/src/rolltimes.ts'

const STEPS = { connect: 300, roll: 200, 'roll web': 1500, 'bake web': 10_200, 'replace web': 4000 }
const LOG = `::group::→ release
::debug::took 9.00 s: container ready
::group::→ roll
::group::→ roll web
::debug::took 0.60 s: container ready
  the bridge of web is healthy
::group::→ replace web
::debug::took 1.50 s: old requests done
::debug::took 0.70 s: container ready
::debug::took 0.25 s: old requests left
`

test("the roll's own time is what neither the app, nor visitors, nor the watching took", () => {
  expect(rollTimes(STEPS, LOG, 'web')).toEqual({
    whole: 15_900,
    starts: 1300,
    drains: 1750,
    watched: 10_200,
    own: 2650
  })
})

test('the way back is known when there was one', () => {
  expect(wayBackTime(LOG)).toBeUndefined()
  expect(wayBackTime(`${LOG}::debug::took 0.31 s: pinned back\n`)).toBe(310)
})
