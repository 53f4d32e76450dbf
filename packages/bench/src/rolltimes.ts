/** What the time of a roll went into, in ms. */
export interface RollTimes {
  whole: number
  /** The app's own: how long its two containers took until they were ready. */
  starts: number
  /** The visitors' own: how long requests from before each switch went on. */
  drains: number
  /** How long the new release was watched while the old one still ran. */
  watched: number
  /** All else: what the roll itself costs. */
  own: number
}

/**
 * What the time of a roll of the given service went into, by the times of the action's steps and
 * what its debug log says took how long.
 */
export function rollTimes(
  steps: Readonly<Record<string, number>>,
  log: string,
  service: string
): RollTimes {
  const step = (name: string) => steps[name] ?? 0
  // What is waited for before the roll is none of it.
  const waits = waitTimes(log.slice(Math.max(0, log.indexOf('→ roll'))))
  const starts = waits['container ready'] ?? 0
  const drains = (waits['old requests done'] ?? 0) + (waits['old requests left'] ?? 0)
  const watched = step(`bake ${service}`)
  const whole = step('roll') + step(`roll ${service}`) + watched + step(`replace ${service}`)
  return { whole, starts, drains, watched, own: whole - starts - drains - watched }
}

/** How long it took to lead visitors back to the old containers, in ms; undefined when nothing was. */
export function wayBackTime(log: string): number | undefined {
  return waitTimes(log)['pinned back']
}

/** The sums of what the debug log says took how long, in ms. */
function waitTimes(log: string): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const [, seconds, what = ''] of log.matchAll(/^::debug::took ([\d.]+) s: (.+)$/gm)) {
    sums[what] = (sums[what] ?? 0) + Number(seconds) * 1000
  }
  return sums
}
