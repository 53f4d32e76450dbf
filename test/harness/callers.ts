import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { root } from '@diveops/build'

/** The workflow that the README shows for calling one of ours from another repository. */
export async function caller(name: string): Promise<string> {
  const readme = await readFile(path.join(root, 'workflows-examples/README.md'), 'utf8')
  const snippets = [...readme.matchAll(/```yaml\n(.*?)```/gs)].map(match => match[1] as string)
  const found = snippets.find(text =>
    text.includes(`uses: diveops/workflows/.github/workflows/${name}.yml@v1`)
  )
  if (found === undefined) throw new Error(`the README shows no call of ${name}.yml`)
  return found
}
