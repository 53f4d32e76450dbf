import { cp, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { docker, tryDocker } from './docker.ts'
import type { Image, ImageName } from './images.ts'
import { imagesFolder } from './place.ts'
import type { Progress } from './progress.ts'

const KEPT_VERSIONS = 4

/** A label of build stages, which are of no use once their image is there. */
const STAGE = 'diveops-lab=stage'

/** Builds images and the parents that they lack, as many at a time as the machine has processors. */
export class Builder {
  readonly #table: Record<ImageName, Image>
  readonly #tags: Record<ImageName, string>
  readonly #progress: Progress
  readonly #base: (tag: string) => Promise<void>
  readonly #running = new Map<ImageName, Promise<string>>()
  #free = availableParallelism() + 1
  readonly #waiting: (() => void)[] = []
  readonly #present: Set<string>

  /** `present` are the tags that exist; `base` makes the base image, which has another origin. */
  constructor(
    table: Record<ImageName, Image>,
    tags: Record<ImageName, string>,
    present: Set<string>,
    progress: Progress,
    base: (tag: string) => Promise<void>
  ) {
    this.#table = table
    this.#tags = tags
    this.#present = present
    this.#progress = progress
    this.#base = base
  }

  /** Builds an image unless it exists, and returns its tag. */
  ensure(name: ImageName): Promise<string> {
    const known = this.#running.get(name)
    if (known) return known
    const promise = this.#ensure(name)
    this.#running.set(name, promise)
    return promise
  }

  async #ensure(name: ImageName): Promise<string> {
    const tag = this.#tags[name]
    if (this.#present.has(tag)) return tag
    const image = this.#table[name]
    await Promise.all(Object.values(image.parents).map(parent => this.ensure(parent)))
    if (name === 'base') {
      await this.#base(tag)
      return tag
    }
    await this.#slot(() =>
      this.#progress.phase(`built ${name}`, () => buildImage(image, tag, this.#parentTags(image)))
    )
    return tag
  }

  #parentTags(image: Image): Record<string, string> {
    const entries = Object.entries(image.parents)
    return Object.fromEntries(entries.map(([argument, name]) => [argument, this.#tags[name]]))
  }

  async #slot(body: () => Promise<void>): Promise<void> {
    if (this.#free === 0) await new Promise<void>(resolve => this.#waiting.push(resolve))
    else this.#free -= 1
    try {
      await body()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#free += 1
    }
  }
}

/** Builds one image from its folder, its files from elsewhere and its arguments. */
export async function buildImage(
  image: Image,
  tag: string,
  more: Record<string, string>
): Promise<void> {
  const context = await mkdtemp(path.join(tmpdir(), 'diveops-lab-image-'))
  try {
    await cp(path.join(imagesFolder, image.folder), context, { recursive: true })
    for (const [name, file] of Object.entries(image.files ?? {})) {
      await writeFile(path.join(context, name), await readFile(file), {
        mode: (await stat(file)).mode
      })
    }
    const options = [
      ...pairs('--build-arg', { ...image.values, ...more }),
      ...pairs('--label', image.labels ?? {})
    ]
    // A builder of the user's own choice may not know the images of this engine.
    const env = { BUILDX_BUILDER: 'default' }
    await docker(['build', '--tag', tag, ...options, context], { env })
  } finally {
    await rm(context, { recursive: true, force: true })
  }
}

function pairs(option: string, values: Record<string, string>): string[] {
  return Object.entries(values).flatMap(([name, value]) => [option, `${name}=${value}`])
}

/** Removes build stages, and versions of images that are older than the newest few and not in use. */
export async function removeLeftovers(inUse: ReadonlySet<string>): Promise<void> {
  const format = '{{.Repository}} {{.Tag}}'
  const list = ['image', 'ls', '--format', format, '--filter', 'reference=diveops-lab/*']
  const seen = new Map<string, number>()
  // Newest first. A version that a container of another clone uses is refused, which is well.
  for (const line of (await docker(list)).split('\n')) {
    const [name = '', tag] = line.split(' ')
    const count = (seen.get(name) ?? 0) + 1
    seen.set(name, count)
    const image = `${name}:${tag}`
    // An image that came out as an earlier one did has that one's age.
    if (count > KEPT_VERSIONS && !inUse.has(image)) await tryDocker(['rmi', image])
  }
  await docker(['image', 'prune', '--force', '--filter', `label=${STAGE}`])
}
