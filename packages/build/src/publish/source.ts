import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { staleBundles } from '../check.ts'
import { root } from '../paths.ts'
import { outdatedReadmes } from '../readme.ts'
import { CHANGELOG, CHANGESETS, sectionOf } from './changelog.ts'
import { git, tryGit } from './git.ts'
import type { Release } from './prepare.ts'
import { parseVersion } from './version.ts'

/** Who publishes where git knows no name. */
const AUTHOR = { name: 'DiveOps Actions', email: 'actions@diveops.invalid' }

/** The version in the repository's package.json, whatever it is. */
export async function writtenVersion(): Promise<string> {
  return JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')).version
}

/** Every reason why this checkout cannot be published as it is, a line each. */
export async function sourceProblems(): Promise<string[]> {
  const problems: string[] = []
  const changed = (await git(root, ['status', '--porcelain'])).split('\n').filter(Boolean)
  if (changed.length > 0) {
    const first = changed[0]?.slice(3)
    problems.push(
      `the work tree is not clean (${first}${changed.length > 1 ? ` and ${changed.length - 1} more` : ''}): commit or remove what git status shows`
    )
  }
  for (const name of await staleBundles()) {
    problems.push(`dist/${name} is not what its sources give: run 'npm run build' and commit it`)
  }
  for (const name of await outdatedReadmes()) {
    problems.push(`actions/${name}/README.md has not the tables of its action.yml: 'npm run build'`)
  }
  return [...problems, ...(await versionProblems())]
}

async function versionProblems(): Promise<string[]> {
  const written = await writtenVersion()
  const version = parseVersion(written)
  if (!version || version.every(part => part === 0)) {
    return [
      `package.json: version '${written}' is not a release, expected X.Y.Z: run 'npm run version'`
    ]
  }
  const waiting = await waitingChangesets()
  if (waiting.length > 0) {
    return [`${CHANGESETS}/${waiting[0]} waits for a version: run 'npm run version' and commit`]
  }
  if (sectionOf(await changelog(), written) === undefined) {
    return [`${CHANGELOG} has no section '## ${written}': run 'npm run version'`]
  }
  return []
}

/** The release that this checkout is, once it has no problems. */
export async function readRelease(): Promise<Release> {
  const written = await writtenVersion()
  const version = parseVersion(written)
  if (!version) throw new Error(`version '${written}' is not a release`)
  const commit = await git(root, ['rev-parse', 'HEAD'])
  const notes = sectionOf(await changelog(), written) ?? ''
  return {
    version,
    author: await author(),
    date: await git(root, ['log', '-1', '--format=%cI']),
    notes: `${notes}\n\nMade from ${commit} of the repository of all actions.`.trim()
  }
}

/** Changesets that are not part of a version yet. */
async function waitingChangesets(): Promise<string[]> {
  const names = await readdir(path.join(root, CHANGESETS))
  return names.filter(name => name.endsWith('.md') && name !== 'README.md')
}

async function changelog(): Promise<string> {
  const file = path.join(root, CHANGELOG)
  return existsSync(file) ? readFile(file, 'utf8') : ''
}

async function author(): Promise<{ name: string; email: string }> {
  // Without the option, git makes up an address from this machine's name.
  const words = ['-c', 'user.useConfigOnly=true', 'var', 'GIT_AUTHOR_IDENT']
  const { stdout } = await tryGit(root, words)
  const [, name, email] = /^(.+) <(.+)> \d+ \S+$/.exec(stdout.trim()) ?? []
  return name !== undefined && email !== undefined ? { name, email } : AUTHOR
}
