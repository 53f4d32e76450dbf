import { readFileSync } from 'node:fs'
import path from 'node:path'
import { root } from '@diveops/build'

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
