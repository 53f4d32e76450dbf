import { rm } from 'node:fs/promises'
import { BOX_NAMES, removeBox } from './boxes.ts'
import { tryDocker } from './docker.ts'
import { network, stateFolder } from './place.ts'

/** Removes the lab of this clone: containers, volumes, network, secrets. The engine and images stay. */
export async function down(): Promise<void> {
  await Promise.all(BOX_NAMES.map(removeBox))
  await tryDocker(['network', 'rm', network])
  await rm(stateFolder, { recursive: true, force: true })
}
