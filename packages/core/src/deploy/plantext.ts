import { cell, markdownTable } from '../action/summary.ts'
import { type Migration, type Risk, risks } from '../app/migrations.ts'
import type { Secrets } from '../base/secrets.ts'
import { quote } from '../base/shell.ts'
import type { Plan, PlanRow } from './plan.ts'

/** Makes a line of the log red. */
export function red(text: string): string {
  return `\u001b[31m${text}\u001b[0m`
}

const HEAD = ['service', 'what', 'downtime', 'why'] as const

function cells({ service, what, downtime, why }: PlanRow): string[] {
  return [service, what, what === 'keep' || what === 'left' ? '' : downtime, why]
}

/** The services of a plan as a table for the log, what concerns data in red. */
export function planLines({ services, files, alarms, unasked = [] }: Plan): string[] {
  const rows = [[...HEAD], ...services.map(cells)]
  const widths = HEAD.map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  const lines = rows.map(row =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  )
  return [
    ...lines.map((line, index) => (services[index - 1]?.alarm ? red(line) : line)),
    ...files.map(({ path, what }) => `file ${path}: ${what}`),
    ...alarms.map(red),
    ...unasked.map(text => `not asked: ${text}`)
  ]
}

const MEANS: Record<Risk, string> = {
  breaks: 'breaks the release that still serves',
  locks: 'locks',
  unknown: 'may break or lock'
}

/** Pending migrations for the log; those that hurt the release that still serves in red. */
export function migrationLines(migrations: readonly Migration[]): string[] {
  if (migrations.length === 0) return ['migrations: none pending']
  return [
    `migrations pending: ${migrations.length}`,
    ...migrations.flatMap(one => [
      `  ${one.name}`,
      ...risks(one).map(({ risk, text }) => {
        const line = `    ${MEANS[risk]}: ${text}`
        return risk === 'locks' ? line : red(line)
      })
    ])
  ]
}

/** A plan for the job summary or a comment. */
export function planMarkdown(
  { services, alarms, migrations, backups, unasked }: Plan,
  secrets: Secrets
): string {
  const safe = (text: string) => cell(secrets.redact(text))
  const table = markdownTable({
    head: ['Service', 'What', 'Downtime', 'Why'],
    rows: services.map(row => cells(row).map(text => secrets.redact(text)))
  })
  const bullets = [
    ...alarms.map(text => `- **${safe(text)}**`),
    ...(migrations ?? []).flatMap(one => [
      `- migration ${safe(one.name)}`,
      ...risks(one).map(({ risk, text }) => `  - **${MEANS[risk]}**: ${safe(text)}`)
    ]),
    ...(backups ?? []).map(file => `- backup ${safe(file)}`),
    ...(unasked ?? []).map(text => `- not asked: ${safe(text)}`)
  ]
  return bullets.length === 0 ? table : `${table}\n\n${bullets.join('\n')}`
}

/** Shell text for the end of a script made by \`onHost\`: keeps a plan in the journal. */
export function journalPlan(plan: Plan): string {
  return `printf '{"at":"%s","release":"%s","plan":%s}\\n' "$(date -u +%FT%TZ)" "$RELEASE" ${quote(JSON.stringify(plan))} >> .diveops/journal.jsonl`
}
