/** What a formatter would change in a file. */
export interface Change {
  file: string
  /** The first line that it would change, as the file is now. */
  line: number
  /** In how many separate places. */
  places: number
}

/** Reads the files and first changed lines of a unified diff, as black and isort write it. */
export function changedFiles(diff: string): Change[] {
  const changes: Change[] = []
  let current: Change | undefined
  let line = 0
  for (const text of diff.split(/\r?\n/)) {
    const header = /^--- (.+?)(?::before)?(?:\t.*)?$/.exec(text)
    const hunk = /^@@ -(\d+)/.exec(text)
    if (header) {
      current = { file: header[1] as string, line: 0, places: 0 }
      changes.push(current)
    } else if (!current || text.startsWith('+++ ')) {
      // Nothing of the file itself yet.
    } else if (hunk) {
      current.places += 1
      line = Number(hunk[1])
    } else if (/^[-+]/.test(text)) {
      current.line ||= Math.max(line, 1)
      if (text.startsWith('-')) line += 1
    } else line += 1
  }
  return changes.filter(change => change.places > 0)
}
