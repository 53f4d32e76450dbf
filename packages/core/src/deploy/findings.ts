import { type Row, rowLines, rowsDetails, rowsTable } from './row.ts'

const FOUND = 'Wrong on the server after that'

/** What is wrong on the host after a failed run, for the end of its log; empty when nothing is. */
export function findingLines(findings: readonly Row[]): string[] {
  if (findings.length === 0) return []
  return [`${FOUND}:`, ...findings.flatMap(rowLines).map(line => `  ${line}`)]
}

/** The same as pieces of the job summary. */
export function findingsMarkdown(findings: readonly Row[]): string[] {
  return findings.length === 0 ? [] : [FOUND, rowsTable(findings), ...rowsDetails(findings)]
}
