import path from 'node:path'
import { bundledNames } from './actions.ts'
import { bundle } from './bundle.ts'
import { root } from './paths.ts'
import { writeReadmes } from './readme.ts'

/** Bundles the named actions, or all, into dist/<name>, and fills the tables of all READMEs. */
export async function build(words: string[]): Promise<void> {
  for (const name of await writeReadmes()) console.log(`actions/${name}/README.md`)
  for (const name of words.length > 0 ? words : await bundledNames()) {
    await bundle(name, path.join(root, 'dist', name))
    console.log(`dist/${name}`)
  }
}
