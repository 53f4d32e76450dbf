import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { actionFolder, actionNames, BUNDLE_FILES, readMetadata } from './actions.ts'
import { root } from './paths.ts'

/** Who owns the repositories of the published actions. */
export const OWNER = 'diveops'

/** The repository of the workflows that others call, beside those of the actions. */
export const WORKFLOWS = 'workflows'

/** A published action as others refer to it: its commit and the version that this is. */
export interface Pin {
  commit: string
  /** Such as `v1.2.3`. */
  tag: string
}

const NESTED = new RegExp(`(?<=uses: )${OWNER}/([a-z-]+)@v\\d+$`, 'gm')

/** The names of all actions, each after those that its steps use. */
export async function publishingOrder(): Promise<string[]> {
  const order: string[] = []
  const visit = async (name: string) => {
    if (order.includes(name)) return
    const { steps = [] } = (await readMetadata(name)).runs
    for (const { uses } of steps) {
      for (const [, nested = ''] of `uses: ${uses}`.matchAll(NESTED)) await visit(nested)
    }
    order.push(name)
  }
  for (const name of await actionNames()) await visit(name)
  return order
}

/**
 * Writes exactly the files that an action's own repository has into `target`, which is emptied
 * first. `pins` has the actions that it uses, `tag` is the version that it is published as.
 */
export async function stageAction(
  name: string,
  target: string,
  pins: ReadonlyMap<string, Pin>,
  tag: string
): Promise<void> {
  await rm(target, { recursive: true, force: true })
  await mkdir(target, { recursive: true })
  const read = (file: string) => readFile(path.join(actionFolder(name), file), 'utf8')
  const metadata = await read('action.yml')
  await writeFile(path.join(target, 'action.yml'), publishedMetadata(name, metadata, pins))
  await writeFile(
    path.join(target, 'README.md'),
    publishedReadme(name, await read('README.md'), tag, await homepage())
  )
  await copyFile(path.join(root, 'LICENSE'), path.join(target, 'LICENSE'))
  if (!metadata.includes(inRepository(name))) return
  const dist = path.join(root, 'dist', name)
  if (!existsSync(dist)) throw new Error(`dist/${name} is missing: run 'npm run build'`)
  await mkdir(path.join(target, 'dist'))
  for (const file of BUNDLE_FILES) {
    await copyFile(path.join(dist, file), path.join(target, 'dist', file))
  }
}

/** Writes exactly the files of the repository of workflows into `target`, which is emptied first. */
export async function stageWorkflows(target: string, tag: string): Promise<void> {
  const source = path.join(root, 'workflows-examples')
  const place = path.join(target, '.github/workflows')
  await rm(target, { recursive: true, force: true })
  await mkdir(place, { recursive: true })
  const names = (await readdir(source)).filter(name => name.endsWith('.yml'))
  for (const name of names) await copyFile(path.join(source, name), path.join(place, name))
  const readme = await readFile(path.join(source, 'README.md'), 'utf8')
  const home = `${await homepage()}/blob/${tag}/workflows-examples/`
  const linked = readme.replaceAll(/(?<=\]\()(?!https:|#)[^)\s]+/g, link => home + link)
  await writeFile(path.join(target, 'README.md'), linked)
  await copyFile(path.join(root, 'LICENSE'), path.join(target, 'LICENSE'))
}

/**
 * The action.yml of a published action: its bundle lies beside it instead of in our dist folder, and
 * what its steps use is pinned to the commit, so that nobody can put other code under it later.
 */
export function publishedMetadata(
  name: string,
  metadata: string,
  pins: ReadonlyMap<string, Pin>
): string {
  return metadata.replaceAll(inRepository(name), 'dist/').replaceAll(NESTED, (uses, nested) => {
    const pin = pins.get(nested)
    if (!pin) throw new Error(`${name} uses '${uses}', which is none of our actions`)
    return `${OWNER}/${nested}@${pin.commit} # ${pin.tag}`
  })
}

/** The README of a published action, with links to what is not in its repository made absolute. */
export function publishedReadme(name: string, readme: string, tag: string, home: string): string {
  return readme.replaceAll(/(?<=\]\()\.\.?\/[^)\s]*/g, link => {
    const { pathname, hash } = new URL(link, `file:///actions/${name}/`)
    const action = /^\/actions\/([a-z-]+)\/(?:README\.md)?$/.exec(pathname)?.[1]
    if (action !== undefined) return `https://github.com/${OWNER}/${action}${hash}`
    return `${home}/blob/${tag}${pathname}${hash}`
  })
}

async function homepage(): Promise<string> {
  const manifest = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'))
  return manifest.repository as string
}

function inRepository(name: string): string {
  return `../../dist/${name}/`
}
