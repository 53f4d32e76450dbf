import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { configJsonSchema } from '@diveops/core/app/config'
import { root } from './paths.ts'

/** The published JSON Schema of diveops.yml, from the root of the repository. */
export const SCHEMA_FILE = 'diveops.schema.json'

/** Writes the JSON Schema of diveops.yml from its zod schema; says whether it changed. */
export async function writeSchema(): Promise<boolean> {
  if (!(await isSchemaOutdated())) return false
  await writeFile(path.join(root, SCHEMA_FILE), text())
  return true
}

/** Whether the published schema differs from what the actions check. */
export async function isSchemaOutdated(): Promise<boolean> {
  const written = await readFile(path.join(root, SCHEMA_FILE), 'utf8').catch(() => '')
  return written !== text()
}

function text(): string {
  return `${JSON.stringify(configJsonSchema(), null, 2)}\n`
}
