import * as z from 'zod'

/** What one run is called in the journal, and who began it. */
export interface RunIdentity {
  /** Of this run alone. */
  id: string
  /** `deploy`, `rollback` or `setup-ssl`. */
  action: string
  url: string
  actor: string
}

/** The line by which a run begins; `again` when it is the same run on another connection. */
export function beginLine({ id, ...rest }: RunIdentity, event: 'begin' | 'again'): string {
  return JSON.stringify({ run: id, event, ...rest })
}

/** The line that the host writes when the client of a run is gone. */
export function goneLine({ id }: RunIdentity): string {
  return JSON.stringify({ run: id, event: 'gone' })
}

/** From here on what serves may be of either release, until a line of `commit` or of `end`. */
export function switchLine({ id }: RunIdentity, release: string, from: string | undefined): string {
  return JSON.stringify({ run: id, event: 'switch', release, from })
}

/** A release is live: its files, its image and `current` are of it. */
export function commitLine(id: string, release: string): string {
  return JSON.stringify({ run: id, event: 'commit', release })
}

/** How a run ended. */
export function endLine({ id }: RunIdentity, state: string, release: string | undefined): string {
  return JSON.stringify({ run: id, event: 'end', state, release })
}

/** A run that began to make a release live and neither did nor put the one before it back. */
export interface BrokenSwitch {
  run: string
  action: string
  url: string
  actor: string
  /** When it began, ISO 8601. */
  at: string
  release: string
  from: string | undefined
}

/**
 * Shell text, run where `.diveops` is, that prints what `brokenSwitch` wants to know: how the run of
 * the last switch began, the switch, and what came of it.
 */
export const LAST_SWITCH = `awk '/"event":"begin"/ { begin = $0 }
/"event":"switch"/ { said = begin "\\n" $0; next }
/"event":"(commit|end)"/ { said = said "\\n" $0 }
END { print said }' .diveops/journal.jsonl`

const line = z.object({
  at: z.string(),
  run: z.string(),
  event: z.string(),
  action: z.string().optional(),
  url: z.string().optional(),
  actor: z.string().optional(),
  release: z.string().optional(),
  from: z.string().optional(),
  state: z.string().optional()
})

/** States in which a run has left what serves whole. */
const WHOLE = ['live', 'restored', 'unchanged']

/** Reads what `LAST_SWITCH` printed; undefined when the last switch came to an end. */
export function brokenSwitch(text: string): BrokenSwitch | undefined {
  let begin: z.infer<typeof line> | undefined
  let found: BrokenSwitch | undefined
  for (const row of text.split('\n')) {
    const read = parse(row)
    if (read?.event === 'begin') begin = read
    else if (read?.event === 'switch' && read.release !== undefined) {
      const { action = 'run', url = 'a run', actor = 'somebody' } = begin ?? {}
      const { run, at, release, from } = read
      found = { run, action, url, actor, at, release, from }
    } else if (read?.event === 'commit') found = undefined
    else if (read?.event === 'end' && read.run === found?.run && WHOLE.includes(read.state ?? '')) {
      found = undefined
    }
  }
  return found
}

/** The id of the run whose line this is; undefined for a line that is none. */
export function runOf(row: string): { id: string; url: string; actor: string } | undefined {
  const read = parse(row)
  return read && { id: read.run, url: read.url ?? 'a run', actor: read.actor ?? 'somebody' }
}

function parse(row: string): z.infer<typeof line> | undefined {
  try {
    return line.parse(JSON.parse(row))
  } catch {
    return undefined
  }
}
