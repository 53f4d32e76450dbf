import * as core from '@actions/core'

/** A table of the job summary: a heading row and rows of plain text. */
export interface Table {
  head: readonly string[]
  rows: readonly (readonly string[])[]
}

/**
 * Plain text made safe for GitHub's Markdown wherever a line may stand, one line: it is shown as it
 * is, marks nothing up and mentions nobody.
 */
export function cell(text: string): string {
  return (
    text
      .replace(/\s*[\r\n]+\s*/g, ' ')
      .trim()
      .replace(/&/g, '&amp;')
      .replace(/</g, '&lt;')
      .replace(/>/g, '&gt;')
      .replace(/([|`*_[\]\\~])/g, '\\$1')
      .replace(/^([-+=]|#(?!#*$))/, '\\$1')
      .replace(/^(\d+)([.)])(?=\s|$)/, '$1\\$2')
      .replace(/#(?=#*$)/g, '\\#')
      // Two of them would enclose a formula.
      .replace(/\$/g, '&#36;')
      .replace(/(?<!\w)@(?=\w)/g, '@&#8288;')
  )
}

/** Lines as they are, in a box that opens when it is clicked on. */
export function folded(title: string, lines: readonly string[]): string {
  const text = lines.join('\n').replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
  return `<details><summary>${cell(title)}</summary>\n\n<pre>\n${text}\n</pre>\n\n</details>`
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
