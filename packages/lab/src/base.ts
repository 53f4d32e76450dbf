import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { UserError } from '@diveops/core/base/errors'
import { buildImage } from './build.ts'
import { docker, inspect, tryDocker } from './docker.ts'
import type { Image } from './images.ts'
import { installPackages, isDebianRoot } from './packages.ts'
import { imagesFolder } from './place.ts'
import { run, succeed } from './process.ts'
import type { Progress } from './progress.ts'

const DEBIAN = 'debian:trixie-slim'

/** Whether the registry that public images come from could be reached when the base image was made. */
const HUB_LABEL = 'diveops-lab.hub'

/** Makes the base image: from Debian's own where Docker Hub answers, else from Debian's packages. */
export async function makeBase(image: Image, tag: string, progress: Progress): Promise<void> {
  const pulled = await tryDocker(['pull', '--quiet', DEBIAN])
  const hub = pulled.code === 0
  const from = hub ? DEBIAN : `${tag}-packages`
  if (!hub) {
    await progress.phase('made the base system, as Docker Hub cannot be reached', () =>
      bootstrap(from, image.values?.MIRROR ?? '')
    )
  }
  const labelled = { ...image, labels: { [HUB_LABEL]: String(hub) } }
  await progress.phase('built base', () => buildImage(labelled, tag, { FROM: from }))
  if (!hub) await docker(['rmi', from])
}

/** Whether the base image came from Docker Hub, so that other images can come from there too. */
export async function hubAnswered(baseTag: string): Promise<boolean> {
  const label = await inspect('image', baseTag, `{{index .Config.Labels "${HUB_LABEL}"}}`)
  return label === 'true'
}

async function bootstrap(tag: string, mirror: string): Promise<void> {
  await needMmdebstrap()
  const folder = await mkdtemp(path.join(tmpdir(), 'diveops-lab-base-'))
  const archive = path.join(folder, 'base.tar')
  try {
    await succeed('mmdebstrap', [
      '--quiet',
      '--variant=minbase',
      '--include=ca-certificates',
      `--dpkgopt=${path.join(imagesFolder, 'base/dpkg.conf')}`,
      'trixie',
      archive,
      mirror
    ])
    await docker(['import', archive, tag])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function needMmdebstrap(): Promise<void> {
  if ((await run('mmdebstrap', ['--version'])).code === 0) return
  if (isDebianRoot()) {
    await installPackages(['mmdebstrap', 'debian-archive-keyring'])
    return
  }
  throw new UserError(
    `Docker Hub cannot be reached for ${DEBIAN}, and only root on Debian or Ubuntu can make it ` +
      'from packages instead'
  )
}
