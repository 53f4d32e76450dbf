import { setOutputs } from '../action/outputs.ts'
import type { Context } from '../action/run.ts'
import { appendSummary, cell, markdownTable } from '../action/summary.ts'
import { UserError } from '../base/errors.ts'
import type { Secrets } from '../base/secrets.ts'
import { formatDuration } from '../base/time.ts'
import { findingLines, findingsMarkdown } from './findings.ts'
import type { State } from './outcome.ts'
import { opening, timeline } from './runsummary.ts'
import type { Secured } from './secure.ts'

const WORDS: Record<Exclude<State, 'live'>, string> = {
  unchanged: 'unchanged: every certificate is there, served and renewed; no authority was asked',
  planned: 'planned: all was tried at the staging, nothing was changed',
  restored: 'restored: HTTPS could not be proven, the site serves as before',
  untouched: 'untouched: the run failed before anything live was changed',
  unknown: 'unknown: look at the server'
}

/** How a run ended, in one line. */
function wordsFor({ state, certificates, error }: Secured): string {
  if (state !== 'live') return WORDS[state]
  const serves =
    certificates.length > 0
      ? 'the site serves over HTTPS'
      : 'the site serves over HTTP until every domain of its nginx configuration has a certificate'
  return `live: ${serves}${error ? '' : ', and its certificates renew themselves'}`
}

/** Tells GitHub how a run of setup-ssl ended; the error of a failed one is then thrown. */
export async function reportSecured(
  secured: Secured,
  host: string,
  { secrets, log }: Context
): Promise<void> {
  const { state, steps, error, certificates, obtained, findings } = secured
  const ends = certificates.map(({ notAfter }) => notAfter).sort((a, b) => +a - +b)[0]
  setOutputs({
    changed: obtained.length > 0 || ['live', 'restored', 'unknown'].includes(state),
    expires: ends?.toISOString() ?? '',
    state
  })
  await appendSummary(secrets.redact(summary(secured, host, secrets)))
  log.info(steps.map(({ name, ms }) => `${name} ${formatDuration(ms)}`).join(' · '))
  const words = wordsFor(secured)
  if (!error) return log.info(words)
  const details = error instanceof UserError ? error.details : []
  const lines = [...details, ...findingLines(findings)]
  throw new UserError(`${error.message} [${words}]`, lines, { cause: error })
}

function summary(secured: Secured, host: string, secrets: Secrets): string {
  const { error, rows, certificates, steps, findings } = secured
  const table = (head: string[], lines: string[][]) =>
    lines.length === 0 ? [] : [markdownTable({ head, rows: lines })]
  return [
    ...opening('Setup of SSL', host, error, secrets),
    cell(wordsFor(secured)),
    ...table(
      ['', 'Name', 'Found', 'What to do'],
      rows.map(({ name, found, todo }) => [todo ? '❌' : '✅', name, found, todo ?? ''])
    ),
    ...table(
      ['Name', 'Serial', 'Ends', 'Proof'],
      certificates.map(({ name, serial, notAfter, problems, warnings }) => [
        name,
        serial,
        notAfter.toISOString().slice(0, 10),
        [...problems, ...warnings].join('; ') || 'served as on disk, chain complete'
      ])
    ),
    ...timeline(steps),
    ...findingsMarkdown(findings)
  ].join('\n\n')
}
