import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { errorMessage, UserError } from '@diveops/core/base/errors'
import { withoutCredentials } from './git.ts'
import { type Prepared, prepareActions } from './prepare.ts'
import { readRelease, sourceProblems } from './source.ts'
import {
  EMPTY,
  fetchRef,
  parentFor,
  push,
  readTarget,
  type Target,
  type Update,
  updatesFor
} from './target.ts'
import { tagOf, type Version } from './version.ts'

const USAGE = 'npm run publish -- --to https://github.com/OWNER/{name}.git [--dry-run]'

/** An action with what a push of it would change. */
interface Step extends Prepared {
  url: string
  updates: Update[]
}

/**
 * Puts each action into its own repository as this checkout's version: everything is checked first,
 * here and at all remotes, and only then is the first pushed. A run that was interrupted is
 * completed by the next one, which leaves alone what is there.
 */
export async function publish(words: string[]): Promise<number> {
  const { to, dryRun } = readOptions(words)
  refuse(await sourceProblems())
  const release = await readRelease()
  const work = await mkdtemp(path.join(tmpdir(), 'diveops-publish-'))
  try {
    const unreachable: string[] = []
    const prepared = await prepareActions(work, release, async (name, repository) => {
      const url = to.replaceAll('{name}', name)
      const target = await readTarget(repository, url)
      if (typeof target !== 'string') {
        await fetchWhatCounts(repository, url, target, release.version)
        return target
      }
      unreachable.push(`${withoutCredentials(url)} cannot be read: ${target}`)
      return EMPTY
    })
    refuse(unreachable)
    const tag = tagOf(release.version)
    refuse(prepared.filter(({ isOther }) => isOther).map(({ name }) => otherContent(name, tag)))
    const steps = prepared.map(one => ({
      ...one,
      url: to.replaceAll('{name}', one.name),
      updates: updatesFor(one.target, release.version)
    }))
    refuse(await tryPushes(steps))
    for (const step of steps) await take(step, tag, dryRun)
    return 0
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

function readOptions(words: string[]): { to: string; dryRun: boolean } {
  try {
    const options = { to: { type: 'string' }, 'dry-run': { type: 'boolean' } } as const
    const { to, 'dry-run': dryRun = false } = parseArgs({ args: words, options }).values
    if (to?.includes('{name}')) return { to, dryRun }
    throw new UserError(
      `--to: got '${withoutCredentials(to ?? '')}', expected the address of a git repository with {name} in it`
    )
  } catch (error) {
    throw new UserError(errorMessage(error), [`usage: ${USAGE}`])
  }
}

function refuse(problems: readonly string[]): void {
  if (problems.length > 0) throw new UserError('nothing is published:', problems)
}

/** The commit that this version builds on, and the one that already has its tag, to compare. */
async function fetchWhatCounts(
  repository: string,
  url: string,
  target: Target,
  version: Version
): Promise<void> {
  const tag = tagOf(version)
  const ref = target.tags.has(tag) ? `refs/tags/${tag}` : parentFor(target, version)
  if (ref !== undefined) await fetchRef(repository, url, ref)
}

function otherContent(name: string, tag: string): string {
  return `${name} has ${tag} with other content, and a version never changes: add a changeset and run 'npm run version'`
}

/** Asks every remote whether it would take the push, so that none is pushed to when one would not. */
async function tryPushes(steps: readonly Step[]): Promise<string[]> {
  const problems: string[] = []
  for (const { repository, url, commit, updates } of steps) {
    if (updates.length === 0) continue
    const problem = await push(repository, url, commit, updates, ['--dry-run'])
    if (problem !== undefined) problems.push(`${withoutCredentials(url)} refuses: ${problem}`)
  }
  return problems
}

async function take(step: Step, tag: string, dryRun: boolean): Promise<void> {
  const { name, repository, url, commit, updates } = step
  if (updates.length === 0) {
    console.log(`${name}: ${tag} is published as ${commit}`)
    return
  }
  if (!dryRun) {
    const problem = await push(repository, url, commit, updates)
    if (problem !== undefined) {
      throw new UserError(`${name} was not pushed: ${problem}`, [
        'what stands above is published; run the same again to complete it'
      ])
    }
  }
  const changes = updates.map(({ ref, from }) => {
    const short = ref.replace(/^refs\/(heads|tags)\//, '')
    return from === undefined ? short : `${short} (was ${from.slice(0, 7)})`
  })
  console.log(`${name}: ${dryRun ? 'would push' : 'pushed'} ${commit} as ${changes.join(', ')}`)
}
