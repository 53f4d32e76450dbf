import { setOutputs } from '../action/outputs.ts'
import type { Context } from '../action/run.ts'
import { appendSummary, cell } from '../action/summary.ts'
import { UserError } from '../base/errors.ts'
import { isRed, type Row, rowLines, rowSentence, rowsDetails, rowsTable } from '../deploy/row.ts'

/** From which severity on the step fails. */
export type FailOn = 'error' | 'warning' | 'never'

/** The rows in one sentence. */
function verdict(rows: readonly Row[]): string {
  const count = (severity: Row['severity']) => rows.filter(row => row.severity === severity).length
  const [errors, warnings] = [count('error'), count('warning')]
  if (errors + warnings === 0) return `healthy: ${rows.length} things were looked at`
  const parts = [
    ...(errors > 0 ? [`${errors} ${errors === 1 ? 'error' : 'errors'}`] : []),
    ...(warnings > 0 ? [`${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`] : [])
  ]
  return `${parts.join(' and ')} in ${rows.length} things that were looked at`
}

/**
 * Tells GitHub what was found: the table in log and job summary, each red row as an annotation, the
 * outputs; then throws when the rows are bad enough to fail the step.
 */
export async function reportRows(
  rows: readonly Row[],
  host: string,
  failOn: FailOn,
  { secrets, log }: Context
): Promise<void> {
  const red = rows.filter(isRed)
  const errors = red.filter(({ severity }) => severity === 'error')
  setOutputs({
    healthy: errors.length === 0,
    problems: secrets.redact(JSON.stringify(red))
  })
  for (const area of new Set(rows.map(row => row.area))) {
    log.info(area)
    for (const row of rows.filter(one => one.area === area)) {
      for (const line of rowLines(row)) log.info(`  ${line}`)
    }
  }
  for (const row of red) {
    const text = rowSentence(row)
    if (row.severity === 'error') log.error(text)
    else log.warning(text)
  }
  await appendSummary(secrets.redact(summary(rows, host)))
  const failing = failOn === 'never' ? [] : failOn === 'warning' ? red : errors
  if (failing.length > 0) throw new UserError(`${host}: ${verdict(rows)}`)
  log.info(verdict(rows))
}

function summary(rows: readonly Row[], host: string): string {
  const order: Row['severity'][] = ['error', 'warning', 'hint', 'ok']
  const sorted = order.flatMap(severity => rows.filter(row => row.severity === severity))
  return [
    `### Doctor: ${cell(host)}`,
    cell(verdict(rows)),
    rowsTable(sorted),
    ...rowsDetails(sorted)
  ].join('\n\n')
}
