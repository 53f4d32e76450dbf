import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll } from '@jest/globals'

const folders: string[] = []
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
})

/** A new folder that goes when the tests of the file are over. */
export async function temporaryFolder(name: string): Promise<string> {
  return removedAfterwards(await mkdtemp(path.join(tmpdir(), `diveops-${name}-`)))
}

/** Lets a folder go when the tests of the file are over. */
export function removedAfterwards(folder: string): string {
  folders.push(folder)
  return folder
}
