import { setTimeout as wait } from 'node:timers/promises'
import { Store } from './store.js'

/** Minutes that a diver may stay without stops, by depth in metres; RDP for air. */
const LIMITS = [
  [10, 219],
  [12, 147],
  [14, 98],
  [16, 72],
  [18, 56],
  [20, 45],
  [22, 37],
  [25, 29],
  [30, 20],
  [35, 14],
  [40, 9]
]

const store = new Store()
const release = process.env.RELEASE ?? 'unknown'
let stopping = false
process.once('SIGTERM', () => {
  stopping = true
})

console.log('working')
while (!stopping) {
  const plan = store.next()
  if (plan === undefined) {
    await wait(200)
    continue
  }
  const limit = LIMITS.find(([depth]) => plan.depth <= depth)
  store.finish(plan.id, limit?.[1] ?? 0, release)
}
store.close()
