import { git, gitError, tryGit } from './git.ts'
import { compareVersions, movingTags, tagOf, type Version, versionOf } from './version.ts'

/** What an action's own repository has. Commits are full ids. */
export interface Target {
  /** The branch that it shows, without `refs/heads/`. */
  branch: string
  head?: string
  /** The commit of each tag. */
  tags: ReadonlyMap<string, string>
}

/** A repository that has nothing yet. */
export const EMPTY: Target = { branch: 'main', tags: new Map() }

/** A reference that a push makes, or moves when `from` is there. */
export interface Update {
  /** Whole, such as `refs/tags/v1`. */
  ref: string
  from?: string
}

/** Reads what a remote has; the line why not when it cannot be read. */
export async function readTarget(folder: string, url: string): Promise<Target | string> {
  const result = await tryGit(folder, ['ls-remote', '--symref', '--', url])
  return result.code === 0 ? parseTarget(result.stdout) : gitError(result)
}

/** Reads the output of `git ls-remote --symref`. */
export function parseTarget(text: string): Target {
  let branch = EMPTY.branch
  let head: string | undefined
  const tags = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [value = '', ref = ''] = line.split('\t')
    const symbolic = /^ref: refs\/heads\/(.+)$/.exec(value)?.[1]
    if (symbolic !== undefined && ref === 'HEAD') branch = symbolic
    else if (ref === `refs/heads/${branch}`) head = value
    // A tag object comes first, then, under the same name with ^{}, the commit that it stands for.
    else if (ref.startsWith('refs/tags/')) tags.set(ref.slice(10).replace('^{}', ''), value)
  }
  return { branch, tags, ...(head !== undefined && { head }) }
}

/**
 * What a version of an action comes after: the branch, or, for a fix of an older version, the newest
 * one before it; undefined when there is nothing before.
 */
export function parentFor(target: Target, version: Version): string | undefined {
  const tagged = releases(target)
  if (!tagged.some(other => compareVersions(other, version) > 0)) {
    return target.head === undefined ? undefined : `refs/heads/${target.branch}`
  }
  const older = tagged.filter(other => compareVersions(other, version) < 0)
  const newest = older.sort(compareVersions).at(-1)
  return newest && `refs/tags/${tagOf(newest)}`
}

/**
 * What a push must change for a version to be published. `v1` and `v1.2` only move on to a version
 * that is the newest of theirs; where the version is there already, only what is missing is made, so
 * that somebody who has put `v1` back keeps it there.
 */
export function updatesFor(target: Target, version: Version): Update[] {
  const tag = tagOf(version)
  const isThere = target.tags.has(tag)
  const newest = (among: (other: Version) => boolean) =>
    !releases(target).some(other => among(other) && compareVersions(other, version) > 0)
  const updates: Update[] = isThere ? [] : [{ ref: `refs/tags/${tag}` }]
  for (const moving of movingTags(version).filter(({ covers }) => newest(covers))) {
    const from = target.tags.get(moving.tag)
    if (from === undefined) updates.push({ ref: `refs/tags/${moving.tag}` })
    else if (!isThere) updates.push({ ref: `refs/tags/${moving.tag}`, from })
  }
  if (!isThere && newest(() => true)) {
    const { branch, head: from } = target
    updates.push({ ref: `refs/heads/${branch}`, ...(from !== undefined && { from }) })
  }
  return updates
}

/**
 * Pushes a commit to a remote's references, all of them or none, and only while they are what we
 * read. Returns the line why not when the remote refused.
 */
export async function push(
  folder: string,
  url: string,
  commit: string,
  updates: readonly Update[],
  words: readonly string[] = []
): Promise<string | undefined> {
  const leases = updates.map(({ ref, from = '' }) => `--force-with-lease=${ref}:${from}`)
  const references = updates.map(({ ref }) => `${commit}:${ref}`)
  const push = ['push', '--quiet', '--atomic', ...words, ...leases, '--', url, ...references]
  const result = await tryGit(folder, push)
  return result.code === 0 ? undefined : gitError(result)
}

/** Fetches the commit of a remote's reference, under the same name and without its history. */
export async function fetchRef(folder: string, url: string, ref: string): Promise<void> {
  await git(folder, ['fetch', '--quiet', '--no-tags', '--depth=1', '--', url, `${ref}:${ref}`])
}

function releases({ tags }: Target): Version[] {
  return [...tags.keys()].map(versionOf).filter(version => version !== undefined)
}
