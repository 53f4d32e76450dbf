import type { Sample } from './ours.ts'
import { median, round } from './statistics.ts'

/** The round trips of the link that are compared, in ms. */
export const RTTS = [0, 50, 100] as const
export type Rtt = (typeof RTTS)[number]

/**
 * The round trip of one more link, for ours alone, because there the link outweighs the noise of
 * what the server does. The baseline would take minutes for each deploy.
 */
export const FAR = 800

/** What is compared. */
export const WAYS = ['deploy', 'unchanged', 'baseline'] as const
export type Way = (typeof WAYS)[number]

/** A number for each round trip of the link. */
export type ByRtt = Record<Rtt, number>

/** All samples of a run: one more for each way and link with each round. */
export type Samples = Record<Way, Record<Rtt | typeof FAR, Sample[]>>

/** The figures of one way. */
export interface WayFigures {
  /** Medians. */
  ms: ByRtt
  /** What the link adds. */
  overheadMs: ByRtt
  /** Round trips: how many times its round trip a slower link adds. */
  trips: { '50-100': number; '0-100': number; '0-800': number | null }
  /** Medians of the parts, and the round trips of each. */
  parts: Record<string, { ms: ByRtt; trips: number }>
  all: Record<Rtt, number[]>
}

/** No samples yet. */
export function noSamples(): Samples {
  const none = () => ({ 0: [], 50: [], 100: [], [FAR]: [] })
  return { deploy: none(), unchanged: none(), baseline: none() }
}

/** The figures of a way from its samples. */
export function wayFigures(samples: Samples[Way]): WayFigures {
  const ms = medians(rtt => samples[rtt].map(sample => sample.ms))
  const names = new Set(samples[0].flatMap(({ parts }) => Object.keys(parts)))
  const parts = [...names].map(name => {
    const part = medians(rtt => samples[rtt].map(sample => sample.parts[name] ?? 0))
    return [name, { ms: part, trips: slope(part, 0) }] as const
  })
  const far = samples[FAR].map(sample => sample.ms)
  return {
    ms,
    overheadMs: byRtt(rtt => ms[rtt] - ms[0]),
    trips: {
      '50-100': slope(ms, 50),
      '0-100': slope(ms, 0),
      '0-800': far.length === 0 ? null : round((median(far) - ms[0]) / FAR, 1)
    },
    parts: Object.fromEntries(parts),
    all: {
      0: samples[0].map(({ ms }) => round(ms)),
      50: samples[50].map(({ ms }) => round(ms)),
      100: samples[100].map(({ ms }) => round(ms))
    }
  }
}

/** How the baseline compares with ours. */
export interface Ratios {
  /** How many times longer it takes, on each link. */
  time: ByRtt
  /** How many times more the link adds to it, which is free of what the server does. */
  link: { 50: number; 100: number }
}

/** Compares the baseline with ours. */
export function ratios(ours: WayFigures, baseline: WayFigures): Ratios {
  const link = (rtt: Rtt) => round(baseline.overheadMs[rtt] / ours.overheadMs[rtt], 1)
  return {
    time: byRtt(rtt => round(baseline.ms[rtt] / ours.ms[rtt], 2)),
    link: { 50: link(50), 100: link(100) }
  }
}

/** A figure for each link. */
export function byRtt(figure: (rtt: Rtt) => number): ByRtt {
  return { 0: figure(0), 50: figure(50), 100: figure(100) }
}

function medians(values: (rtt: Rtt) => number[]): ByRtt {
  return byRtt(rtt => round(median(values(rtt))))
}

function slope(ms: ByRtt, from: 0 | 50): number {
  return round((ms[100] - ms[from]) / (100 - from), 1)
}
