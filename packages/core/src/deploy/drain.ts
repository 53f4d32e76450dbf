import type { Service } from '../app/compose.ts'

/** When the compose file says nothing: longer than nearly any request, so that none is cut. */
const DEFAULT_S = 40
/** A short stop must not cut ordinary requests, and a very long one must not hold up every deploy. */
const LEAST_S = 10
const MOST_S = 300

const UNITS: Record<string, number> = { h: 3600, m: 60, s: 1, ms: 0.001, us: 1e-6 }

/**
 * How long requests and websockets that began before a switch may go on, in seconds: the service's
 * `stop_grace_period` (as the resolved compose file has it, `1m30s`), within bounds.
 */
export function drainSeconds(service: Service | undefined): number {
  const period = service?.stop_grace_period
  if (period === undefined) return DEFAULT_S
  const parts = [...period.matchAll(/([\d.]+)(h|ms|us|m|s)/g)]
  const seconds = parts.reduce(
    (sum, [, number, unit = '']) => sum + Number(number) * (UNITS[unit] ?? 0),
    0
  )
  return Math.ceil(Math.min(Math.max(seconds, LEAST_S), MOST_S))
}
