import { type Ratios, RTTS, WAYS, type Way, type WayFigures } from './figures.ts'
import { table } from './table.ts'

const TITLES: Record<Way, string> = {
  deploy: 'ours, full deploy',
  unchanged: 'ours, unchanged',
  baseline: 'baseline, eleven connections'
}

/** The table of the ways: times, what the link adds, round trips; and how much faster ours is. */
export function waysTable(ways: Record<Way, WayFigures>, ratio: Ratios): string {
  const head = [
    'ms',
    ...RTTS.map(rtt => `RTT ${rtt}`),
    'link at 50',
    'link at 100',
    'round trips 50-100',
    '0-100',
    '0-800'
  ]
  const rows = WAYS.map(way => {
    const { ms, overheadMs, trips } = ways[way]
    return [
      TITLES[way],
      ...RTTS.map(rtt => String(ms[rtt])),
      String(overheadMs[50]),
      String(overheadMs[100]),
      trips['50-100'].toFixed(1),
      trips['0-100'].toFixed(1),
      trips['0-800']?.toFixed(1) ?? ''
    ]
  })
  const times = [
    ...RTTS.map(rtt => `${ratio.time[rtt].toFixed(2)}x`),
    `${ratio.link[50].toFixed(1)}x`,
    `${ratio.link[100].toFixed(1)}x`
  ]
  return table(head, [...rows, ['baseline / full deploy', ...times]])
}

/** The table of the parts of one way. */
export function partsTable({ parts }: WayFigures): string {
  const head = ['ms', ...RTTS.map(rtt => `RTT ${rtt}`), 'round trips 0-100']
  const rows = Object.entries(parts).map(([name, { ms, trips }]) => [
    name,
    ...RTTS.map(rtt => String(ms[rtt])),
    trips.toFixed(1)
  ])
  return table(head, rows)
}
