import { randomUUID } from 'node:crypto'
import { required } from '@diveops/core/action/inputs'
import { runLocal } from '@diveops/core/action/local'
import { setOutputs } from '@diveops/core/action/outputs'
import type { Context } from '@diveops/core/action/run'
import { saveState } from '@diveops/core/action/state'
import { appendSummary, markdownTable } from '@diveops/core/action/summary'
import { formatDuration } from '@diveops/core/base/time'
import { type BuildSeams, imageSize, isCacheCold, runBuild } from '@diveops/core/docker/build'
import {
  createBuilder,
  currentBuilder,
  hasContainerdStore,
  removeBuilder
} from '@diveops/core/docker/builder'
import { type Build, needsContainerBuilder, references } from '@diveops/core/docker/buildx'
import { currentCommit, defaultTags, ociLabels } from '@diveops/core/docker/commit'
import {
  configVariables,
  hasLogin,
  login,
  makeConfigFolder,
  removeConfigFolder
} from '@diveops/core/docker/login'
import { type Inputs, read } from './inputs.ts'

/** The state that tells the post step that it is one. */
export const STARTED = 'started'

const local = runLocal

/** Builds the image, pushes it if asked to, and tells its digest. */
export async function main(context: Context): Promise<void> {
  saveState(STARTED, 'true')
  const { log } = context
  const inputs = read()
  hide(inputs, context)
  const started = performance.now()
  await requireLogin(inputs)
  const described = await describe(inputs)
  const folder = inputs.token && (await makeConfigFolder(inputs.registry))
  if (folder) saveState('config', folder)
  const env = folder ? configVariables(folder) : {}
  const user = inputs.token ? inputs.user : undefined
  let builder: string | undefined
  try {
    builder = await prepareBuilder(described, env)
    if (inputs.token) await login(local, { ...inputs, token: inputs.token }, env)
    const seams: BuildSeams = { local, log, env, builder, user }
    const build = { ...described, coldCache: await isCacheCold(described, seams) }
    const digest = await log.group(title(build), () => runBuild(build, seams))
    const size = await imageSize(build, digest, seams)
    const result = { build, digest, size, ms: performance.now() - started }
    report(result, context)
    await appendSummary(summary(result))
  } finally {
    if (folder) await removeConfigFolder(folder)
    if (builder) await removeBuilder(local, builder)
  }
}

/** Hides the token, also as HTTP sends it, and the build's secrets. */
function hide({ user, token, secrets: build }: Inputs, { secrets }: Context): void {
  for (const value of [token, token && `${user}:${token}`, ...build.map(({ value }) => value)]) {
    secrets.add(value)
  }
}

/** Public registries take no push from strangers: better said before the build than after it. */
async function requireLogin({ push, token, registry }: Inputs): Promise<void> {
  if (!push || token || !['ghcr.io', 'docker.io'].includes(registry)) return
  if (await hasLogin(registry)) return
  required('registry-token', `a token that may push to ${registry}`)
}

async function describe(inputs: Inputs): Promise<Build> {
  const commit = await currentCommit(local, '.')
  return {
    ...inputs,
    tags: inputs.tags.length > 0 ? inputs.tags : defaultTags(commit),
    labels: ociLabels(commit, Date.now())
  }
}

/** The name of a builder made for this build alone; undefined when the current one can do it. */
async function prepareBuilder(
  build: Build,
  env: Record<string, string>
): Promise<string | undefined> {
  const { driver } = await currentBuilder(local, env)
  const reason = needsContainerBuilder(build)
  if (!reason || driver !== 'docker' || (await hasContainerdStore(local, env))) return undefined
  const name = `diveops-${randomUUID().slice(0, 8)}`
  saveState('builder', name)
  await createBuilder(local, name, reason, env)
  return name
}

interface Result {
  build: Build
  digest: string | undefined
  size: number | undefined
  ms: number
}

function title({ name, push }: Build): string {
  return push ? `Build and push ${name}` : `Build ${name} without pushing it`
}

function report({ build, digest, size, ms }: Result, { log }: Context): void {
  const image = digest && `${build.name}@${digest}`
  setOutputs({ image, digest, tags: references(build).join('\n'), size })
  log.info(`${image ?? `${build.name}, not pushed`}, in ${formatDuration(ms)}`)
}

function summary({ build, digest, size, ms }: Result): string {
  const rows = [
    ['Digest', digest ?? 'not pushed'],
    ['Tags', build.tags.join(', ')],
    ['Size', size === undefined ? 'unknown' : `${(size / 1e6).toFixed(1)} MB`],
    ['Time', formatDuration(ms)]
  ]
  return markdownTable({ head: ['Image', build.name], rows })
}
