import { existsSync } from 'node:fs'
import { copyFile, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { actionFolder, actionNames } from './actions.ts'
import { root } from './paths.ts'

/**
 * Writes for every action exactly the files that publishing it would publish, into
 * `<folder>/<name>/`, and returns the actions' names. What stood there before is replaced.
 */
export async function stageActions(folder: string): Promise<string[]> {
  const names = await actionNames()
  for (const name of names) await stageAction(name, path.join(folder, name))
  return names
}

async function stageAction(name: string, target: string): Promise<void> {
  await rm(target, { recursive: true, force: true })
  await mkdir(target, { recursive: true })
  const metadata = await readFile(path.join(actionFolder(name), 'action.yml'), 'utf8')
  await writeFile(path.join(target, 'action.yml'), publishedMetadata(name, metadata))
  for (const file of [path.join(actionFolder(name), 'README.md'), path.join(root, 'LICENSE')]) {
    if (existsSync(file)) await copyFile(file, path.join(target, path.basename(file)))
  }
  if (!metadata.includes(inRepository(name))) return
  const dist = path.join(root, 'dist', name)
  if (!existsSync(dist)) throw new Error(`dist/${name} is missing: run 'npm run build'`)
  await cp(dist, path.join(target, 'dist'), { recursive: true })
}

/** The action.yml of a published action, whose bundle lies beside it instead of in our dist folder. */
export function publishedMetadata(name: string, metadata: string): string {
  return metadata.replaceAll(inRepository(name), 'dist/')
}

function inRepository(name: string): string {
  return `../../dist/${name}/`
}
