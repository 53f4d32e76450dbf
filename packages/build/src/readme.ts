import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { actionFolder, actionNames, type Metadata, readMetadata } from './actions.ts'

/** Fills the tables of every action's README from its action.yml; returns the names of changed ones. */
export async function writeReadmes(): Promise<string[]> {
  const changed: string[] = []
  for (const name of await actionNames()) {
    const file = path.join(actionFolder(name), 'README.md')
    if (!existsSync(file)) continue
    const old = await readFile(file, 'utf8')
    const text = withTables(old, await readMetadata(name))
    if (text === old) continue
    await writeFile(file, text)
    changed.push(name)
  }
  return changed
}

/** A README with what is between its markers replaced by the tables of inputs and outputs. */
export function withTables(readme: string, { inputs = {}, outputs = {} }: Metadata): string {
  const inputRows = Object.entries(inputs).map(([name, input]) => [
    `\`${name}\``,
    input.required ? 'required' : input.default ? `\`${input.default}\`` : '',
    input.description
  ])
  const outputRows = Object.entries(outputs).map(([name, output]) => [
    `\`${name}\``,
    output.description
  ])
  const filled = between(readme, 'inputs', table(['Input', 'Default', 'Meaning'], inputRows))
  return between(filled, 'outputs', table(['Output', 'Meaning'], outputRows))
}

function between(text: string, name: string, content: string): string {
  const block = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- /${name} -->)`)
  return text.replace(block, (_, start: string, end: string) => `${start}${content}\n${end}`)
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return 'None.'
  const line = (cells: readonly string[]) =>
    `| ${cells
      .map(cell =>
        cell
          .trim()
          .replace(/\s*\n\s*/g, ' ')
          .replaceAll('|', '\\|')
      )
      .join(' | ')} |`
  return [line(head), `|${head.map(() => '---|').join('')}`, ...rows.map(line)].join('\n')
}
