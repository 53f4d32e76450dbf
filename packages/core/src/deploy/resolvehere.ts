import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import type { SourceFile } from '../app/source.ts'
import { UserError } from '../base/errors.ts'

const exec = promisify(execFile)

/** Longer than this compose is not waited for: it may fetch what the file includes. */
const LONGEST_MS = 120_000
const MOST_BYTES = 64 * 1024 * 1024

/** What compose made of a file: its standard output, and what it complained of. */
export interface Resolved {
  code: number
  text: string
  error: string
}

/**
 * Resolves a compose file where this program runs, as `resolveConfig` does on a host: `env` is the .env
 * beside it, and the app's path on the host stands in place of the folder's. Of the environment compose
 * sees no more than it needs to run. Throws a `UserError` when there is no compose.
 */
export async function resolveHere(
  app: { path: string; compose: string },
  files: readonly Pick<SourceFile, 'path' | 'content'>[],
  env: string
): Promise<Resolved> {
  const place = await realpath(await mkdtemp(path.join(tmpdir(), 'diveops-')))
  // The folder's name is the app's own, because compose takes the project's name from it.
  const folder = path.join(place, 'stage', path.basename(app.path))
  try {
    for (const file of [...files, { path: '.env', content: env }]) {
      const name = path.join(folder, file.path)
      if (!name.startsWith(folder + path.sep)) continue
      await mkdir(path.dirname(name), { recursive: true })
      await writeFile(name, file.content, { mode: 0o600 })
    }
    const { code, stdout, stderr } = await compose(folder, app.compose)
    return { code, text: stdout.replaceAll(folder, app.path), error: stderr }
  } finally {
    await rm(place, { recursive: true, force: true })
  }
}

async function compose(folder: string, file: string) {
  const { PATH, HOME } = process.env
  const words = ['compose', '-f', file, 'config', '--format', 'json']
  const options = { cwd: folder, env: { PATH, HOME }, timeout: LONGEST_MS, maxBuffer: MOST_BYTES }
  try {
    return { code: 0, ...(await exec('docker', words, options)) }
  } catch (error) {
    const {
      code,
      stdout = '',
      stderr = ''
    } = error as {
      code?: unknown
      stdout?: string
      stderr?: string
    }
    if (
      code === 'ENOENT' ||
      /not a docker command|unknown (shorthand )?(flag|command)/.test(stderr)
    ) {
      throw new UserError(
        "this runner has no 'docker compose', with which a plan by a key that may only read resolves the " +
          "compose file: GitHub's own runners have it; elsewhere install the package docker-compose-plugin"
      )
    }
    return { code: typeof code === 'number' ? code : 1, stdout, stderr }
  }
}
