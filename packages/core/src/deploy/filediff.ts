import { structuredPatch } from 'diff'
import { readsFile } from '../app/compose.ts'
import { quote } from '../base/shell.ts'
import { mustRun } from '../ssh/host.ts'
import { REDACT } from './library.ts'
import { standIns } from './pairs.ts'
import type { Plan } from './plan.ts'
import { stagePath } from './resolve.ts'
import type { Run } from './run.ts'
import type { Target } from './target.ts'

const MOST_LINES = 60
const MOST_BYTES = 256 * 1024

/** Shows what a run changes in the files that the proxy reads, the values of secrets taken out. */
export async function tellFileChanges(
  run: Run,
  path: string,
  target: Target,
  { files }: Plan
): Promise<void> {
  const { proxy, project, pairs } = target
  const shown = files.filter(
    file => file.what === 'changed' && proxy && readsFile(project, proxy, `${path}/${file.path}`)
  )
  if (shown.length === 0) return
  const from = standIns(pairs)
  const both = shown.map(
    file =>
      `show "$P/"${quote(file.path)} ${stagePath(path)}/${quote(from.get(file.path) ?? file.path)}`
  )
  const { stdout } = await mustRun(
    run.host,
    'reading changed files',
    `P=${quote(path)}
${REDACT}
text() { [ "$(wc -c < "$1")" -gt ${MOST_BYTES} ] || redact < "$1" | base64 | tr -d '\\n'; }
show() { printf '%s %s\\n' "$(text "$1")" "$(text "$2")"; }
${both.join('\n')}`
  )
  for (const [index, row] of stdout.trimEnd().split('\n').entries()) {
    const [before = '', after = ''] = row
      .split(' ')
      .map(text => Buffer.from(text, 'base64').toString())
    const lines = diffLines(before, after)
    run.seams.log.info(`  ${shown[index]?.path}:`)
    for (const line of lines) run.seams.log.info(`    ${line}`)
  }
}

/** A short unified diff of two texts, without the values of secrets. */
export function diffLines(before: string, after: string): string[] {
  if (`${before}${after}`.includes('\0')) return ['(not text)']
  const { hunks } = structuredPatch('', '', hide(before), hide(after), '', '', { context: 2 })
  if (hunks.length === 0) return ['(only the values of secrets differ)']
  const lines = hunks.flatMap(({ oldStart, oldLines, newStart, newLines, lines }) => [
    `@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`,
    ...lines
  ])
  const rest = lines.length - MOST_LINES
  return rest > 0 ? [...lines.slice(0, MOST_LINES), `(${rest} more lines)`] : lines
}

function hide(text: string): string {
  return text
    .replace(/\b(Bearer|Basic)\s+[\w.+/=~-]{6,}/gi, '$1 ***')
    .replace(
      /((?:password|passwd|secret|token|api[-_]?key)["']?[\s:=]+["']?)[^\s"';$]{4,}/gi,
      '$1***'
    )
}
