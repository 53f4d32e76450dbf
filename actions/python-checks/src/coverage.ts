import { markdownTable } from '@diveops/core/action/summary'

/** What we read of coverage.py's JSON report. */
export interface Coverage {
  files: Record<string, { summary: Summary }>
  totals: Summary
}

interface Summary {
  num_statements: number
  missing_lines: number
  percent_covered: number
}

/** Files shown at most; those with the most uncovered lines. */
const SHOWN = 60

/** The coverage table of the job summary. Fully covered files are only counted. */
export function coverageTable({ files, totals }: Coverage): string {
  const all = Object.entries(files).map(([name, { summary }]) => ({ name, ...summary }))
  const open = all
    .filter(file => file.missing_lines > 0)
    .sort((a, b) => b.missing_lines - a.missing_lines || a.name.localeCompare(b.name))
  const rows = open.slice(0, SHOWN).map(file => row(file.name, file))
  const rest = all.length - rows.length
  return markdownTable({
    head: ['File', 'Lines', 'Not covered', 'Covered'],
    rows: [
      ...rows,
      ...(rest > 0 ? [[`${rest} more with less to cover or none`, '', '', '']] : []),
      row(`total of ${all.length} files`, totals)
    ]
  })
}

/** Percent with one digit, never rounded up to 100. */
export function percent({ percent_covered: covered }: Summary): string {
  return (Math.floor(covered * 10) / 10).toFixed(1)
}

function row(name: string, summary: Summary): string[] {
  const { num_statements: lines, missing_lines: missing } = summary
  return [name, String(lines), String(missing), `${percent(summary)} %`]
}
