import { mkdir } from 'node:fs/promises'
import { makeBase } from './base.ts'
import { type Box, type BoxName, boxTable, container, ensureBox } from './boxes.ts'
import { Builder, removeLeftovers } from './build.ts'
import { docker, inspect } from './docker.ts'
import { ensureEngine } from './engine.ts'
import { type ImageName, imageTable, imageTags } from './images.ts'
import { findIngredients } from './ingredients.ts'
import { makeMirror, mirrorTag, standIns } from './mirror.ts'
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

async function ensureImages(progress: Progress): Promise<Record<BoxName, string>> {
  const table = imageTable(await findIngredients())
  const tags = await imageTags(table)
  const mirror = mirrorTag(tags)
  const present = await presentTags()
  const { vps, runner, registry, acme } = tags
  const images = { vps, runner, registry, mirror, acme }
  const missing = Object.values(images).filter(tag => !present.has(tag))
  if (missing.length === 0) return images
  progress.say('building the images of the lab, which are kept: this takes some minutes')
  const base = (tag: string) => makeBase(table.base, tag, progress)
  const builder = new Builder(table, tags, present, progress, base)
  const names: ImageName[] = ['runner', 'vps', 'registry', 'acme']
  const builds = names.map(name => builder.ensure(name))
  if (!present.has(mirror)) builds.push(makeMirror(mirror, builder, progress).then(() => mirror))
  await allOrFirstError(builds)
  await removeLeftovers(new Set([...Object.values(tags), mirror]))
  return images
}

/** Waits for all, even when one fails: what runs on would write into the next attempt. */
async function allOrFirstError(promises: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(promises)).find(result => result.status === 'rejected')
  if (failed) throw failed.reason
}

async function presentTags(): Promise<Set<string>> {
  const words = ['image', 'ls', '--format', '{{.Repository}}:{{.Tag}}']
  return new Set((await docker([...words, '--filter', 'reference=diveops-lab/*'])).split('\n'))
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
