import { createHash } from 'node:crypto'
import { hubAnswered } from './base.ts'
import type { Builder } from './build.ts'
import { docker, inspect, tryDocker } from './docker.ts'
import { type ImageName, tagFor } from './images.ts'
import { prefix } from './place.ts'
import { eventually } from './poll.ts'
import type { Progress } from './progress.ts'
import { PUBLIC_IMAGES, type PublicImage, versionIn } from './public.ts'

const STAND_INS_LABEL = 'diveops-lab.stand-ins'
const SERVE = 'docker-registry serve /etc/docker/registry/mirror.yml'

/** The tag of the mirror: the registry image with the public images in it. */
export function mirrorTag(tags: Record<ImageName, string>): string {
  const hash = createHash('sha256').update(JSON.stringify(PUBLIC_IMAGES)).update(tags.registry)
  for (const { standIn } of PUBLIC_IMAGES) hash.update(tags[standIn])
  return tagFor('mirror', hash.digest('hex'))
}

/**
 * Builds the mirror: the real public images where Docker Hub answers, stand-ins elsewhere, pushed
 * into a registry whose container is then kept as an image. So no start of a lab pushes them again.
 */
export async function makeMirror(tag: string, builder: Builder, progress: Progress): Promise<void> {
  const [base, registry] = await Promise.all([builder.ensure('base'), builder.ensure('registry')])
  const hub = await hubAnswered(base)
  const found = await Promise.all(PUBLIC_IMAGES.map(image => obtain(image, hub, builder)))
  await progress.phase('filled the mirror of public images', async () => {
    const container = `${prefix}-mirror-build`
    await tryDocker(['rm', '--force', '--volumes', container])
    const published = ['--publish', '127.0.0.1::5000']
    await docker([
      'run',
      '--detach',
      '--name',
      container,
      ...published,
      registry,
      ...SERVE.split(' ')
    ])
    try {
      const address = (await docker(['port', container, '5000/tcp'])).split('\n')[0] as string
      await eventually('the mirror answers', 10_000, async () => {
        return (await fetch(`http://${address}/v2/`)).ok
      })
      await Promise.all(found.map(({ name, local }) => push(local, `${address}/${hubPath(name)}`)))
      await docker(['stop', container])
      const note = found.flatMap(({ note }) => note ?? []).join(', ')
      const changes = [
        `CMD ${JSON.stringify(SERVE.split(' '))}`,
        `LABEL ${STAND_INS_LABEL}="${note}"`
      ]
      await docker(['commit', ...changes.flatMap(change => ['--change', change]), container, tag])
    } finally {
      await tryDocker(['rm', '--force', '--volumes', container])
    }
  })
}

/** Which images in a mirror only stand in for the real ones, as a sentence; empty when none does. */
export async function standIns(tag: string): Promise<string> {
  return (await inspect('image', tag, `{{index .Config.Labels "${STAND_INS_LABEL}"}}`)) ?? ''
}

interface Found {
  name: string
  /** Its tag on this machine. */
  local: string
  /** What it is when it is not the real image. */
  note?: string
}

async function obtain(image: PublicImage, hub: boolean, builder: Builder): Promise<Found> {
  const { name, standIn, version } = image
  if (hub && (await tryDocker(['pull', '--quiet', name])).code === 0) return { name, local: name }
  const local = await builder.ensure(standIn)
  const { stdout, stderr } = await tryDocker(['run', '--rm', '--entrypoint', '', local, ...version])
  return {
    name,
    local,
    note: `${name} is ${versionIn(standIn.replace('-old', ''), stdout + stderr)}`
  }
}

/** Where Docker Hub has an image: those of one word are in its library. */
function hubPath(name: string): string {
  return name.includes('/') ? name : `library/${name}`
}

async function push(local: string, target: string): Promise<void> {
  await docker(['tag', local, target])
  try {
    await docker(['push', '--quiet', target])
  } finally {
    await docker(['rmi', target])
  }
}
