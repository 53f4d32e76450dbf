import { cell, markdownTable } from '../action/summary.ts'
import type { Check } from './preflight.ts'

/** `hint` is worth knowing and nothing to mend at once; `warning` and `error` are red. */
export type Severity = 'ok' | 'hint' | 'warning' | 'error'

/** A thing that was looked at on a host: what was found, what is wrong, and what to do about it. */
export interface Row {
  area: string
  name: string
  found: string
  severity: Severity
  cause?: string
  /** The next command, or what else to do. */
  next?: string
  /** Lines that show it, such as the end of a log. Never secrets. */
  details?: string[]
}

type Rest = Pick<Row, 'cause' | 'next' | 'details'>
type Make = (name: string, found: string, rest?: Rest) => Row

/** Makers of the rows of one area, and the row that a check of the preflight comes to. */
export function rowsOf(area: string): Record<Severity, Make> & { check(check: Check): Row } {
  const maker =
    (severity: Severity): Make =>
    (name, found, rest = {}) => ({ area, name, found, severity, ...rest })
  return {
    ok: maker('ok'),
    hint: maker('hint'),
    warning: maker('warning'),
    error: maker('error'),
    check: ({ name, found, problem, warning, remedy }) => {
      const cause = problem ?? warning
      return {
        area,
        name,
        found,
        severity: problem ? 'error' : warning ? 'warning' : 'ok',
        ...(cause !== undefined && { cause }),
        ...(remedy !== undefined && { next: remedy })
      }
    }
  }
}

/** Whether something is to be mended. */
export function isRed({ severity }: Row): boolean {
  return severity === 'error' || severity === 'warning'
}

const SIGNS: Record<Severity, string> = { ok: '✓', hint: '·', warning: '!', error: '✗' }

/** A row as lines of a log, with its details below it. */
export function rowLines({ name, found, severity, cause, next, details = [] }: Row): string[] {
  return [
    `${SIGNS[severity]} ${name}: ${found}`,
    ...(cause === undefined ? [] : [`    ${cause}`]),
    ...(next === undefined ? [] : [`    next: ${next}`]),
    ...details.map(line => `    | ${line}`)
  ]
}

/** A red row in one sentence. */
export function rowSentence({ area, name, found, cause, next }: Row): string {
  return `${area}, ${name}: ${cause ?? found}${next === undefined ? '' : `; ${next}`}`
}

const MARKS: Record<Severity, string> = { ok: '✅', hint: '💡', warning: '⚠️', error: '❌' }

/** The rows as a table of the job summary. */
export function rowsTable(rows: readonly Row[]): string {
  return markdownTable({
    head: ['', 'Looked at', 'Found', 'What is wrong', 'Next'],
    rows: rows.map(({ area, name, found, severity, cause, next }) => [
      MARKS[severity],
      `${area}: ${name}`,
      found,
      cause ?? '',
      next ?? ''
    ])
  })
}

/** What rows show beside their cells, to unfold in the job summary; empty when they show nothing. */
export function rowsDetails(rows: readonly Row[]): string[] {
  return rows.flatMap(({ area, name, details = [] }) =>
    details.length === 0
      ? []
      : [
          `<details><summary>${cell(`${area}: ${name}`)}</summary>\n\n${details.map(line => cell(line)).join('<br>')}\n\n</details>`
        ]
  )
}
