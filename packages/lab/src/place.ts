import { createHash } from 'node:crypto'
import path from 'node:path'
import { root } from '@diveops/build'

/** The folders of the Dockerfiles. */
export const imagesFolder = path.resolve(import.meta.dirname, '../images')

/** A clone can have several labs; the others than the first one are named by this variable. */
const lab = process.env.DIVEOPS_LAB ? `-${process.env.DIVEOPS_LAB}` : ''

/** Where the lab of this clone keeps its secrets and ports; `down` removes it. */
export const stateFolder = path.join(root, `.lab${lab}`)

/** What the names of this lab's containers, volumes and network begin with: other clones have others. */
export const prefix = `diveops-lab-${createHash('sha256').update(`${root}${lab}`).digest('hex').slice(0, 8)}`

/** The Docker network of this clone's lab. */
export const network = prefix

/** A path in the state folder. */
export function state(...parts: string[]): string {
  return path.join(stateFolder, ...parts)
}
