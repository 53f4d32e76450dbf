import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { actionFolder, actionNames, type Metadata, readMetadata } from './actions.ts'

/** Fills the tables of every action's README from its action.yml; returns the names of changed ones. */
export async function writeReadmes(): Promise<string[]> {
  const names = await outdatedReadmes()
  for (const name of names) await writeFile(fileOf(name), await expected(name))
  return names
}

/** The actions whose README does not have the tables of their action.yml. */
export async function outdatedReadmes(): Promise<string[]> {
  const outdated: string[] = []
  for (const name of await actionNames()) {
    if ((await current(name)) !== (await expected(name))) outdated.push(name)
  }
  return outdated
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

function fileOf(name: string): string {
  return path.join(actionFolder(name), 'README.md')
}

async function current(name: string): Promise<string> {
  return readFile(fileOf(name), 'utf8').catch(() => '')
}

async function expected(name: string): Promise<string> {
  return withTables(await current(name), await readMetadata(name))
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
