import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Local } from '../action/local.ts'
import { UserError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { command } from '../base/shell.ts'
import { type Build, buildCommand, cacheReference, references, secretVariables } from './buildx.ts'
import { buildError, isPushRefused } from './failure.ts'
import { parseReference } from './reference.ts'

/** What a build needs to run. */
export interface BuildSeams {
  local: Local
  log: Log
  /** Variables for docker: its configuration with the login, when there is one. */
  env: Record<string, string>
  /** The builder to use; buildx's current one when undefined. */
  builder: string | undefined
  /** Who is logged in to the image's registry, for the message when it refuses. */
  user: string | undefined
}

/**
 * Builds, and pushes if asked to; each line of the build goes to the log. Returns the digest of what
 * was pushed, undefined for a build that was not.
 */
export async function runBuild(build: Build, seams: BuildSeams): Promise<string | undefined> {
  const folder = await mkdtemp(path.join(process.env.RUNNER_TEMP || tmpdir(), 'diveops-build-'))
  const metadataFile = path.join(folder, 'metadata.json')
  try {
    const words = buildCommand(build, metadataFile, seams.builder)
    seams.log.info(command(words))
    const { code, stderr } = await seams.local(words, {
      env: { ...seams.env, ...secretVariables(build.secrets) },
      onLine: line => seams.log.info(line)
    })
    if (code !== 0) throw failure(build, stderr, seams.user)
    if (!build.push) return undefined
    const metadata = JSON.parse(await readFile(metadataFile, 'utf8')) as Record<string, unknown>
    const digest = metadata['containerimage.digest']
    if (typeof digest !== 'string') {
      throw new UserError(
        'docker buildx pushed the image but did not tell its digest; is it older than 0.10?'
      )
    }
    return digest
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Whether there is nothing to read from the build's cache yet, or it may not be read. */
export async function isCacheCold(
  build: Build,
  { local, env }: Pick<BuildSeams, 'local' | 'env'>
): Promise<boolean> {
  if (build.cache.kind === 'local') return !existsSync(path.join(build.cache.folder, 'index.json'))
  const reference = cacheReference(build)
  if (!reference) return false
  const words = ['docker', 'buildx', 'imagetools', 'inspect', '--raw', reference]
  return (await local(words, { env })).code !== 0
}

/**
 * Bytes of an image: what a server downloads for its largest platform when pushed, otherwise what
 * it takes up in the engine. Undefined when nobody tells.
 */
export async function imageSize(
  build: Build,
  digest: string | undefined,
  { local, env }: Pick<BuildSeams, 'local' | 'env'>
): Promise<number | undefined> {
  if (digest) return pushedSize(`${build.name}@${digest}`, local, env)
  const [reference = ''] = references(build)
  const words = ['docker', 'image', 'inspect', '--format', '{{.Size}}', reference]
  const { code, stdout } = await local(words, { env })
  return code === 0 ? Number(stdout) : undefined
}

interface Manifest {
  manifests?: { digest: string }[]
  config?: { size: number }
  layers?: { size: number }[]
}

async function pushedSize(
  reference: string,
  local: Local,
  env: Record<string, string>
): Promise<number | undefined> {
  const words = ['docker', 'buildx', 'imagetools', 'inspect', '--raw', reference]
  const { code, stdout } = await local(words, { env })
  if (code !== 0) return undefined
  const { manifests, config, layers = [] } = JSON.parse(stdout) as Manifest
  if (!manifests) return layers.reduce((sum, layer) => sum + layer.size, config?.size ?? 0)
  const name = reference.slice(0, reference.indexOf('@'))
  const sizes = manifests.map(({ digest }) => pushedSize(`${name}@${digest}`, local, env))
  return Math.max(...(await Promise.all(sizes)).map(size => size ?? 0))
}

function failure(build: Build, output: string, user: string | undefined): UserError {
  const reason = buildError(output)
  if (!build.push || !isPushRefused(output)) return new UserError(`the build failed: ${reason}`)
  const { registry } = parseReference(build.name)
  return user === undefined
    ? new UserError(
        `registry ${registry} refused the push of ${build.name}, because nobody is logged in: ` +
          `set input 'registry-token' (${reason})`
      )
    : new UserError(
        `registry ${registry} refused user '${user}' the push of ${build.name}: the token needs ` +
          `the scope write:packages, and GITHUB_TOKEN 'permissions: packages: write' (${reason})`
      )
}
