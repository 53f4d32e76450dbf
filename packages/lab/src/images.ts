import { createHash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Ingredients } from './ingredients.ts'
import { imagesFolder } from './place.ts'

/** An image of the lab that is built from a folder with a Dockerfile. */
export interface Image {
  /** Its folder below images/. */
  folder: string
  /** Build arguments that name other images of the lab. */
  parents: Record<string, ImageName>
  /** Other build arguments. */
  values?: Record<string, string>
  /** Files from elsewhere that the Dockerfile copies: name in the context to path on this machine. */
  files?: Record<string, string>
  labels?: Record<string, string>
}

export type ImageName =
  | 'base'
  | 'engine'
  | 'vps'
  | 'golang'
  | 'act'
  | 'runner'
  | 'runner-packages'
  | 'registry'
  | 'nginx'
  | 'nginx-old'
  | 'caddy'
  | 'haproxy'
  | 'postgres'
  | 'redis'
  | 'python'
  | 'certbot'
  | 'node'
  | 'pebble'
  | 'acme'
  | 'linters'

const BUSYBOX = { 'busybox-links': path.join(imagesFolder, 'standins/busybox-links') }

/** All images that have a Dockerfile, with what they are made from. */
export function imageTable(ingredients: Ingredients): Record<ImageName, Image> {
  const { bundle, mirror, node } = ingredients
  return {
    base: {
      folder: 'base',
      parents: {},
      values: { MIRROR: mirror },
      files: { 'machine.crt': bundle }
    },
    engine: { folder: 'engine', parents: { BASE: 'base' } },
    vps: { folder: 'vps', parents: { ENGINE: 'engine' } },
    golang: { folder: 'golang', parents: { BASE: 'base' } },
    act: { folder: 'act', parents: { GOLANG: 'golang' }, values: { ACT_VERSION: 'v0.2.89' } },
    'runner-packages': { folder: 'runner-packages', parents: { ENGINE: 'engine' } },
    runner: {
      folder: 'runner',
      parents: { PACKAGES: 'runner-packages', ACT: 'act' },
      files: { node }
    },
    registry: { folder: 'registry', parents: { BASE: 'base' } },
    nginx: { folder: 'standins/nginx', parents: { BASE: 'base' }, files: BUSYBOX },
    'nginx-old': {
      folder: 'standins/nginx',
      parents: { BASE: 'base' },
      values: { SUITE: 'bookworm' },
      files: BUSYBOX
    },
    caddy: { folder: 'standins/caddy', parents: { BASE: 'base' }, files: BUSYBOX },
    haproxy: { folder: 'standins/haproxy', parents: { BASE: 'base' }, files: BUSYBOX },
    postgres: { folder: 'standins/postgres', parents: { BASE: 'base' }, files: BUSYBOX },
    redis: { folder: 'standins/redis', parents: { BASE: 'base' }, files: BUSYBOX },
    python: { folder: 'standins/python', parents: { BASE: 'base' } },
    certbot: {
      folder: 'standins/certbot',
      parents: { BASE: 'base', PYTHON: 'python' },
      values: { CERTBOT_VERSION: '5.8.0' },
      files: BUSYBOX
    },
    node: {
      folder: 'standins/node',
      parents: { BASE: 'base' },
      values: { NPM_VERSION: '11.21.2' },
      files: { node, ...BUSYBOX }
    },
    pebble: {
      folder: 'pebble',
      parents: { GOLANG: 'golang' },
      values: { PEBBLE_VERSION: 'v2.10.1' }
    },
    acme: { folder: 'acme', parents: { BASE: 'base', PEBBLE: 'pebble' }, files: { node } },
    linters: {
      folder: 'linters',
      parents: { GOLANG: 'golang', PYTHON: 'python' },
      values: {
        ACTIONLINT_VERSION: 'v1.7.12',
        ZIZMOR_VERSION: '1.32.0',
        SHELLCHECK_VERSION: '0.11.0.1'
      }
    }
  }
}

/**
 * The tag of each image: a hash of its files, its arguments and its parents' tags. An image whose
 * tag exists need not be built.
 */
export async function imageTags(
  table: Record<ImageName, Image>
): Promise<Record<ImageName, string>> {
  const tags: Partial<Record<ImageName, string>> = {}
  const tagOf = async (name: ImageName): Promise<string> => {
    const known = tags[name]
    if (known !== undefined) return known
    const image = table[name]
    const hash = createHash('sha256').update(JSON.stringify(image.values ?? {}))
    for (const parent of Object.values(image.parents)) hash.update(await tagOf(parent))
    for (const file of await filesOf(image)) await hashFile(hash, file)
    const tag = tagFor(name, hash.digest('hex'))
    tags[name] = tag
    return tag
  }
  for (const name of Object.keys(table) as ImageName[]) await tagOf(name)
  return tags as Record<ImageName, string>
}

/** The tag of an image of the lab with a given hash. */
export function tagFor(name: string, hash: string): string {
  return `diveops-lab/${name}:${hash.slice(0, 12)}`
}

async function filesOf(image: Image): Promise<string[]> {
  const folder = path.join(imagesFolder, image.folder)
  const names = await readdir(folder)
  const own = names.sort().map(name => path.join(folder, name))
  return [...own, ...Object.values(image.files ?? {})]
}

async function hashFile(hash: ReturnType<typeof createHash>, file: string): Promise<void> {
  const { mode } = await stat(file)
  hash.update(`${path.basename(file)} ${(mode & 0o111) > 0}\n`).update(await readFile(file))
}
