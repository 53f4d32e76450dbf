import { makeBase } from './base.ts'
import type { BoxName } from './boxes.ts'
import { Builder, removeLeftovers } from './build.ts'
import { docker } from './docker.ts'
import { type ImageName, imageTable, imageTags } from './images.ts'
import { findIngredients } from './ingredients.ts'
import { makeMirror, mirrorTag } from './mirror.ts'
import type { Progress } from './progress.ts'

/** Builds the images of the boxes unless they exist, and returns their tags. */
export async function ensureImages(progress: Progress): Promise<Record<BoxName, string>> {
  const { tags, present, builder } = await look(progress)
  const mirror = mirrorTag(tags)
  const { vps, runner, registry, acme } = tags
  const images = { vps, runner, registry, mirror, acme }
  const missing = Object.values(images).filter(tag => !present.has(tag))
  if (missing.length === 0) return images
  progress.say('building the images of the lab, which are kept: this takes some minutes')
  const names: ImageName[] = ['runner', 'vps', 'registry', 'acme']
  const builds = names.map(name => builder.ensure(name))
  if (!present.has(mirror)) builds.push(makeMirror(mirror, builder, progress).then(() => mirror))
  await allOrFirstError(builds)
  await removeLeftovers(new Set([...Object.values(tags), mirror]))
  return images
}

/** Builds one image and those that it is made from unless they exist, and returns its tag. */
export async function ensureImage(name: ImageName, progress: Progress): Promise<string> {
  return (await look(progress)).builder.ensure(name)
}

/** Waits for all, even when one fails: what runs on would write into the next attempt. */
export async function allOrFirstError(promises: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(promises)).find(result => result.status === 'rejected')
  if (failed) throw failed.reason
}

async function look(progress: Progress) {
  const table = imageTable(await findIngredients())
  const [tags, present] = await Promise.all([imageTags(table), presentTags()])
  const base = (tag: string) => makeBase(table.base, tag, progress)
  return { tags, present, builder: new Builder(table, tags, present, progress, base) }
}

async function presentTags(): Promise<Set<string>> {
  const words = ['image', 'ls', '--format', '{{.Repository}}:{{.Tag}}']
  return new Set((await docker([...words, '--filter', 'reference=diveops-lab/*'])).split('\n'))
}
