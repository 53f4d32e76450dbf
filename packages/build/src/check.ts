import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { bundledNames } from './actions.ts'
import { fingerprint } from './fingerprint.ts'
import { root } from './paths.ts'
import { outdatedReadmes } from './readme.ts'
import { show } from './run.ts'
import { isSchemaOutdated, SCHEMA_FILE } from './schema.ts'

/** Format, lint, and whether what is generated is up to date; types were checked by the bootstrap. */
export async function check(): Promise<number> {
  const biome = path.join(root, 'node_modules/@biomejs/biome/bin/biome')
  const code = show('node', [biome, 'check', '--error-on-warnings', '.'])
  const outdated = [
    ...(await staleBundles()).map(name => `dist/${name}`),
    ...(await outdatedReadmes()).map(name => `actions/${name}/README.md`),
    ...((await isSchemaOutdated()) ? [SCHEMA_FILE] : [])
  ]
  for (const name of outdated) console.error(`${name} is out of date: run 'npm run build'`)
  return code !== 0 || outdated.length > 0 ? 1 : 0
}

/** The actions whose dist was made from other sources or packages than there are now. */
export async function staleBundles(): Promise<string[]> {
  const stale: string[] = []
  for (const name of await bundledNames()) {
    if ((await recorded(name)) !== (await fingerprint(name))) stale.push(name)
  }
  return stale
}

async function recorded(name: string): Promise<string | undefined> {
  const text = await readFile(path.join(root, 'dist', name, 'package.json'), 'utf8').catch(
    () => '{}'
  )
  return (JSON.parse(text) as { sources?: string }).sources
}
