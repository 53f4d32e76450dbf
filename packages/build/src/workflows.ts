import { cp, mkdir, readdir } from 'node:fs/promises'
import path from 'node:path'
import { root } from './paths.ts'

/** The repository of the workflows that others call. */
export const WORKFLOWS = 'workflows'

/** Writes exactly the files of the repository that has the workflows which others call. */
export async function stageWorkflows(folder: string): Promise<void> {
  const source = path.join(root, 'workflows-examples')
  const target = path.join(folder, '.github/workflows')
  await mkdir(target, { recursive: true })
  const names = (await readdir(source)).filter(name => name.endsWith('.yml'))
  for (const name of names) await cp(path.join(source, name), path.join(target, name))
  for (const [from, to] of [
    [path.join(source, 'README.md'), 'README.md'],
    [path.join(root, 'LICENSE'), 'LICENSE']
  ] as const) {
    await cp(from, path.join(folder, to))
  }
}
