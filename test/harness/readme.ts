import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { root } from '@diveops/build'

/** A block of code in a document of the repository. */
export interface Block {
  file: string
  /** Line of its first fence, from 1. */
  line: number
  /** What stands behind the fence; empty when nothing does. */
  language: string
  text: string
}

/** Every Markdown document that git tracks, from the root of the repository. */
export function documents(): string[] {
  const listed = execFileSync('git', ['-C', root, 'ls-files', '-z', '--', '*.md'])
  return listed
    .toString()
    .split('\0')
    .filter(name => name !== '' && !name.startsWith('.changeset/'))
}

/** The blocks of code of a document. */
export function blocks(file: string): Block[] {
  const text = readFileSync(path.join(root, file), 'utf8')
  return [...text.matchAll(/^ *```(.*)\n((?:.*\n)*?) *```$/gm)].map(match => ({
    file,
    line: text.slice(0, match.index).split('\n').length,
    language: match[1] as string,
    text: match[2] as string
  }))
}

/** The block of a language in a Markdown file of the repository that has a certain text in it. */
export function snippet(file: string, language: string, having: string): string {
  const text = readFileSync(path.join(root, file), 'utf8')
  const blocks = [...text.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))]
  const found = blocks.map(match => match[1] as string).find(block => block.includes(having))
  if (found === undefined) throw new Error(`${file} has no ${language} block with '${having}'`)
  return found
}

/** The workflow that the README shows for calling one of ours from another repository. */
export function caller(name: string): string {
  return snippet('workflows-examples/README.md', 'yaml', `/workflows/${name}.yml@v1`)
}
