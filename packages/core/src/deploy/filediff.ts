import { structuredPatch } from 'diff'
import { readsFile } from '../app/compose.ts'
import type { Log } from '../base/log.ts'
import { quote } from '../base/shell.ts'
import { type Host, mustRun } from '../ssh/host.ts'
import { REDACT } from './library.ts'
import { standIns } from './pairs.ts'
import type { Plan } from './plan.ts'
import { stagePath } from './resolve.ts'
import type { Target } from './target.ts'

const MOST_LINES = 60
const MOST_BYTES = 256 * 1024

/** A file that the proxy reads: its path in the app's folder, and that of its new content in the release. */
export interface ShownFile {
  path: string
  from: string
}

/** Reads of each file its text in the app's folder and the new one, the values of secrets taken out. */
export type ReadTexts = (files: readonly ShownFile[]) => Promise<(readonly [string, string])[]>

/** Shows what a run changes in the files that the proxy reads, the values of secrets taken out. */
export async function tellFileChanges(
  log: Log,
  path: string,
  target: Target,
  { files }: Plan,
  readTexts: ReadTexts
): Promise<void> {
  const { proxy, project, pairs } = target
  const from = standIns(pairs)
  const shown = files
    .filter(
      file => file.what === 'changed' && proxy && readsFile(project, proxy, `${path}/${file.path}`)
    )
    .map(file => ({ path: file.path, from: from.get(file.path) ?? file.path }))
  if (shown.length === 0) return
  for (const [index, [before, after]] of (await readTexts(shown)).entries()) {
    log.info(`  ${shown[index]?.path}:`)
    for (const line of diffLines(before, after)) log.info(`    ${line}`)
  }
}

/** Reads the texts on the host, where the new release's files were unpacked. */
export function hostTexts(host: Host, path: string): ReadTexts {
  return async files => {
    const both = files.map(
      one => `show "$P/"${quote(one.path)} ${stagePath(path)}/${quote(one.from)}`
    )
    const { stdout } = await mustRun(
      host,
      'reading changed files',
      `P=${quote(path)}
${REDACT}
text() { [ "$(wc -c < "$1")" -gt ${MOST_BYTES} ] || redact < "$1" | base64 | tr -d '\\n'; }
show() { printf '%s %s\\n' "$(text "$1")" "$(text "$2")"; }
${both.join('\n')}`
    )
    return stdout
      .trimEnd()
      .split('\n')
      .map(row => {
        const [before = '', after = ''] = row
          .split(' ')
          .map(text => Buffer.from(text, 'base64').toString())
        return [before, after] as const
      })
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
