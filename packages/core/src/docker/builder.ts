import type { Local } from '../action/local.ts'
import { UserError } from '../base/errors.ts'
import { lastLine } from './failure.ts'

/** The builder that buildx would use. */
export interface Builder {
  name: string
  /** `docker` (the engine's own), `docker-container`, `remote`, `kubernetes` or `cloud`. */
  driver: string
}

/** Finds the current builder; without buildx or an engine one line says what is missing. */
export async function currentBuilder(local: Local, env: Record<string, string>): Promise<Builder> {
  const buildx = await local(['docker', 'buildx', 'version'], { env })
  if (buildx.code !== 0) {
    throw new UserError(
      "docker buildx is missing on this runner: install Docker's buildx plugin (docker-buildx-plugin)"
    )
  }
  const inspected = await local(['docker', 'buildx', 'inspect'], { env })
  const builder = parseBuilder(inspected.stdout)
  if (!builder) throw noBuilder(inspected.stdout + inspected.stderr)
  return builder
}

/** Name and driver from `docker buildx inspect`; without an engine it names no driver. */
export function parseBuilder(text: string): Builder | undefined {
  const name = /^Name:[ \t]+(\S+)/m.exec(text)?.[1]
  const driver = /^Driver:[ \t]+(\S+)/m.exec(text)?.[1]
  return name && driver ? { name, driver } : undefined
}

/** Whether the engine keeps images in containerd's store, with which its own builder can do all. */
export async function hasContainerdStore(
  local: Local,
  env: Record<string, string>
): Promise<boolean> {
  const { stdout } = await local(['docker', 'info', '--format', '{{json .DriverStatus}}'], { env })
  return stdout.includes('io.containerd.snapshotter')
}

/** Starts a builder in a container of its own; BuildKit's image comes from Docker Hub. */
export async function createBuilder(
  local: Local,
  name: string,
  reason: string,
  env: Record<string, string>
): Promise<void> {
  const words = ['docker', 'buildx', 'create', '--name', name, '--driver', 'docker-container']
  const { code, stderr } = await local([...words, '--bootstrap'], { env })
  if (code === 0) return
  throw new UserError(
    `the engine alone cannot build with ${reason}, and a BuildKit container did not start: ${lastLine(stderr)}`
  )
}

/** Removes a builder made by `createBuilder`. */
export async function removeBuilder(local: Local, name: string): Promise<void> {
  await local(['docker', 'buildx', 'rm', '--force', name])
}

function noBuilder(output: string): UserError {
  if (/permission denied/i.test(output)) {
    return new UserError(
      "this runner's user may not use the Docker engine: add it to the group 'docker'"
    )
  }
  if (/cannot connect|is the docker daemon running|connection refused/i.test(output)) {
    return new UserError('no Docker engine answers on this runner: start one, or set DOCKER_HOST')
  }
  return new UserError(`docker buildx has no usable builder: ${lastLine(output)}`)
}
