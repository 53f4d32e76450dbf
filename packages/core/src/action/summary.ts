import * as core from '@actions/core'

/** A table of the job summary: a heading row and rows of plain text. */
export interface Table {
  head: readonly string[]
  rows: readonly (readonly string[])[]
}

/** Plain text made safe for Markdown and HTML, one line. */
export function cell(text: string): string {
  return text
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/([|`*_[\]\\])/g, '\\$1')
    .replace(/\s*\r?\n\s*/g, ' ')
}

/** A Markdown table. */
export function markdownTable({ head, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`
  return [line(head), `|${head.map(() => '---|').join('')}`, ...rows.map(line)].join('\n')
}

/** Appends Markdown to the job summary; does nothing where there is none, as on a laptop. */
export async function appendSummary(markdown: string, env = process.env): Promise<void> {
  if (!env.GITHUB_STEP_SUMMARY) return
  await core.summary.addRaw(markdown, true).write()
}
