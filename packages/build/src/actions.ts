import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { parse } from 'yaml'
import { root } from './paths.ts'

/** What we read of an action.yml. */
export interface Metadata {
  name: string
  description: string
  inputs?: Record<string, { description: string; required?: boolean; default?: string }>
  outputs?: Record<string, { description: string; value?: string }>
  runs: { using: string; main?: string; post?: string; steps?: { uses?: string; run?: string }[] }
}

/** The files of a bundle. */
export const BUNDLE_FILES = ['index.js', 'licenses.txt', 'package.json'] as const

/** The folder of an action's sources. */
export function actionFolder(name: string): string {
  return path.join(root, 'actions', name)
}

/** The names of all actions, JavaScript and composite, in alphabetical order. */
export async function actionNames(): Promise<string[]> {
  const entries = await readdir(path.join(root, 'actions'))
  return entries.filter(name => existsSync(path.join(actionFolder(name), 'action.yml'))).sort()
}

/** The names of the actions that have a program to bundle: JavaScript ones and composites with a helper. */
export async function bundledNames(): Promise<string[]> {
  const names = await actionNames()
  return names.filter(name => existsSync(path.join(actionFolder(name), 'src/index.ts')))
}

/** An action's action.yml. */
export async function readMetadata(name: string): Promise<Metadata> {
  return parse(await readFile(path.join(actionFolder(name), 'action.yml'), 'utf8')) as Metadata
}
