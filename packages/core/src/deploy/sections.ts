import { randomBytes } from 'node:crypto'
import { quote } from '../base/shell.ts'

/** What one probe printed (standard error included, where its script asks for it) and its exit code. */
export interface Section {
  text: string
  code: number
}

/** A script that runs many probes in one go, and the reader of what it prints. */
export interface Probes<Name extends string> {
  script: string
  read(stdout: string): Record<Name, Section>
}

/**
 * Joins probes into one script, so that all of them cost one round trip. Each runs in a subshell
 * of its own: a failing one does not stop the others.
 */
export function joinProbes<Name extends string>(probes: Record<Name, string>): Probes<Name> {
  const mark = `=${randomBytes(12).toString('hex')}=`
  return {
    script: probesScript(probes, quote(mark)),
    read: stdout => readSections(Object.keys(probes) as Name[], stdout, mark)
  }
}

/** The same script with a mark of its own, which is a shell expression. */
export function probesScript(probes: Readonly<Record<string, string>>, mark: string): string {
  return Object.entries(probes)
    .map(([name, probe]) => `(\n${probe}\n)\nprintf '\\n%s%s %s\\n' ${mark} ${quote(name)} $?`)
    .join('\n')
}

/** What probes with that mark printed; one that did not run has the code -1. */
export function readSections<Name extends string>(
  names: readonly Name[],
  stdout: string,
  mark: string
): Record<Name, Section> {
  const found: Partial<Record<Name, Section>> = {}
  let from = 0
  for (const match of stdout.matchAll(new RegExp(`\\n${mark}(\\S+) (\\d+)(?:\\n|$)`, 'g'))) {
    const text = stdout.slice(from, match.index)
    found[match[1] as Name] = { text: text.trim(), code: Number(match[2]) }
    from = match.index + match[0].length
  }
  for (const name of names) found[name] ??= { text: '', code: -1 }
  return found as Record<Name, Section>
}
