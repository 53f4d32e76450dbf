import { mkdir } from 'node:fs/promises'
import { type Box, type BoxName, boxTable, container, ensureBox } from './boxes.ts'
import { docker, inspect } from './docker.ts'
import { ensureEngine } from './engine.ts'
import { allOrFirstError, ensureImages } from './ensure.ts'
import { standIns } from './mirror.ts'
import { linkNames } from './names.ts'
import { network, stateFolder } from './place.ts'
import { labPorts } from './ports.ts'
import { enginePrivileges } from './privileges.ts'
import { Progress, type Say } from './progress.ts'
import { waitUntilReady } from './ready.ts'
import { ensureSecrets, writeKnownHosts } from './secrets.ts'

/** Starts the lab, or what of it is not running; does nothing to what is. Says each phase with its time. */
export async function up(say: Say): Promise<void> {
  const progress = new Progress(say)
  await ensureEngine(progress)
  const images = await ensureImages(progress)
  const stood = await standIns(images.mirror)
  if (stood !== '') say(`stand-ins, as Docker Hub could not be reached: ${stood}`)
  await progress.phase('started the lab', () => start(images))
}

async function start(images: Record<BoxName, string>): Promise<void> {
  await mkdir(stateFolder, { recursive: true, mode: 0o700 })
  const [ports, privileges] = await Promise.all([
    labPorts(),
    enginePrivileges(images.registry),
    ensureSecrets(images.registry),
    ensureNetwork()
  ])
  await writeKnownHosts(ports.ssh)
  await allOrFirstError(boxTable(images, ports, privileges).map(startBox))
  await waitUntilReady(ports)
  await linkNames()
}

async function startBox(box: Box): Promise<void> {
  const done = await ensureBox(box)
  const hasEngine = box.name === 'vps' || box.name === 'runner'
  if (done === 'kept' && hasEngine)
    await docker(['exec', container(box.name), 'lab-engine', 'start'])
}

async function ensureNetwork(): Promise<void> {
  if ((await inspect('network', network, '{{.Id}}')) === undefined) {
    await docker(['network', 'create', network])
  }
}
