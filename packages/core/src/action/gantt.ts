import { formatDuration } from '../base/time.ts'

/** A bar of a timeline. */
export interface Bar {
  name: string
  ms: number
  failed?: true
}

/** Bars that belong together, one after the other. */
export interface Section {
  name: string
  bars: readonly Bar[]
}

const DAY_MS = 86_400_000
/** Words with which mermaid begins lines of its own. */
const KEYWORD =
  /^(gantt|dateformat|axisformat|tickinterval|inclusiveenddates|topaxis|excludes|includes|todaymarker|weekday|weekend|title|section|click|acctitle|accdescr)\b/i

/**
 * Sections of bars as a picture, drawn by GitHub (mermaid), in a block of Markdown; each bar begins
 * where the one before ended. Undefined when there is nothing to draw, or when it took a day.
 */
export function gantt(sections: readonly Section[]): string | undefined {
  const total = sections.flatMap(({ bars }) => bars).reduce((sum, { ms }) => sum + width(ms), 0)
  if (total === 0 || total >= DAY_MS) return undefined
  let at = 0
  const line = ({ name, ms, failed }: Bar) => {
    const from = at
    at += width(ms)
    const label = plain(`${failed ? '✗ ' : ''}${name} ${formatDuration(ms)}`)
    return `    ${label} :${failed ? 'crit' : 'done'}, ${time(from)}, ${time(at)}`
  }
  return [
    '```mermaid',
    'gantt',
    // Times of day: the browser's time zone moves both alike, which moments since 1970 would not.
    '    dateFormat HH:mm:ss.SSS',
    `    axisFormat ${total < 3_600_000 ? '%M:%S' : '%H:%M:%S'}`,
    '    todayMarker off',
    ...sections
      .filter(({ bars }) => bars.length > 0)
      .flatMap(({ name, bars }) => [`    section ${plain(name)}`, ...bars.map(line)]),
    '```'
  ].join('\n')
}

/** What takes no time is drawn as a line; mermaid wants an end after the begin. */
function width(ms: number): number {
  return Math.max(1, Math.round(ms))
}

function time(ms: number): string {
  return new Date(ms).toISOString().slice(11, 23)
}

/** Mermaid has no escapes: what could mean something to it becomes a blank. */
function plain(text: string): string {
  const clean = text
    .replace(/[^\p{L}\p{N} ._/()✗-]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return KEYWORD.test(clean) ? `· ${clean}` : clean || 'step'
}
