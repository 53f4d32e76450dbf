import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { getReleasePlan } from '@changesets/get-release-plan'
import { UserError } from '@diveops/core/base/errors'
import { node24 } from '../node24.ts'
import { root } from '../paths.ts'
import { show } from '../run.ts'
import { CHANGELOG, CHANGESETS, withSection } from './changelog.ts'
import { writtenVersion } from './source.ts'

/**
 * Makes a version of the changesets that wait: one for all packages, in their manifests and the lock
 * file, with its section in the one changelog. The changesets are gone afterwards.
 */
export async function version(): Promise<number> {
  const { changesets, releases } = await getReleasePlan(root)
  const next = releases[0]?.newVersion
  if (next === undefined) {
    throw new UserError(`no changeset waits in ${CHANGESETS}: add one with 'npx changeset'`)
  }
  const changelog = path.join(root, CHANGELOG)
  const before = existsSync(changelog) ? await readFile(changelog, 'utf8') : '# Changelog\n'
  // changesets wants a newer Node than our scripts do. It writes a changelog for each package, and
  // knows nothing of the root's manifest: what vX.Y.Z means is all of them.
  const changesetsCli = path.join(root, 'node_modules/@changesets/cli/bin.js')
  if (show(node24(), [changesetsCli, 'version']) !== 0) throw new Error('changesets failed')
  await writeFile(changelog, withSection(before, next, changesets))
  const manifest = path.join(root, 'package.json')
  const text = await readFile(manifest, 'utf8')
  await writeFile(
    manifest,
    text.replace(`"version": "${await writtenVersion()}"`, `"version": "${next}"`)
  )
  const words = ['install', '--package-lock-only', '--prefer-offline', '--ignore-scripts']
  const { status, stderr } = spawnSync('npm', words, { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new Error(`npm ${words.join(' ')} failed: ${stderr}`)
  console.log(`version ${next}: look at ${CHANGELOG} and commit`)
  return 0
}
