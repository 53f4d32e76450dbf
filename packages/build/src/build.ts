import path from 'node:path'
import { parseArgs } from 'node:util'
import { bundledNames } from './actions.ts'
import { bundle } from './bundle.ts'
import { root } from './paths.ts'
import { writeReadmes } from './readme.ts'
import { SCHEMA_FILE, writeSchema } from './schema.ts'

/**
 * Fills the tables of all READMEs, writes the schema of diveops.yml and bundles the named actions, or all, into dist/<name>. With
 * `--into FOLDER` the bundles go there and nothing in the repository changes.
 */
export async function build(words: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: words,
    options: { into: { type: 'string' } },
    allowPositionals: true
  })
  if (values.into === undefined) {
    for (const name of await writeReadmes()) console.log(`actions/${name}/README.md`)
    if (await writeSchema()) console.log(SCHEMA_FILE)
  }
  const target = values.into ?? path.join(root, 'dist')
  for (const name of positionals.length > 0 ? positionals : await bundledNames()) {
    await bundle(name, path.join(target, name))
    console.log(path.relative(root, path.join(target, name)))
  }
}
