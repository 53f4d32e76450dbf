import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { type Pin, publishingOrder, stageAction, stageWorkflows, WORKFLOWS } from '../stage.ts'
import { git } from './git.ts'
import { EMPTY, parentFor, type Target } from './target.ts'
import { tagOf, type Version } from './version.ts'

/** What is published, and by whom. */
export interface Release {
  version: Version
  author: { name: string; email: string }
  /** The time of all commits in a form that git reads: the same content gives the same commits. */
  date: string
  /** The body of all commit messages. */
  notes: string
}

/** An action, or the workflows, ready to be pushed. */
export interface Prepared {
  name: string
  /** A folder with exactly its files. */
  files: string
  /** A bare repository that has its commit. */
  repository: string
  commit: string
  target: Target
  /** Whether the target has this version with other content. */
  isOther: boolean
}

/**
 * Makes the commits of all actions below `work`, those first that others use, and of the workflows
 * that others call. `read` says what a target has and fetches into the given bare repository what the commit may build on.
 */
export async function prepareActions(
  work: string,
  release: Release,
  read: (name: string, repository: string) => Promise<Target> = async () => EMPTY
): Promise<Prepared[]> {
  const tag = tagOf(release.version)
  const pins = new Map<string, Pin>()
  const prepared: Prepared[] = []
  const names = [...(await publishingOrder()), WORKFLOWS]
  const targets = await Promise.all(
    names.map(async name => {
      const repository = path.join(work, 'repositories', name)
      await mkdir(repository, { recursive: true })
      await git(repository, ['init', '--quiet', '--bare'])
      return { name, repository, target: await read(name, repository) }
    })
  )
  for (const { name, repository, target } of targets) {
    const files = path.join(work, 'files', name)
    await (name === WORKFLOWS ? stageWorkflows(files, tag) : stageAction(name, files, pins, tag))
    const tree = await writeTree(repository, files)
    const published = target.tags.get(tag)
    const commit = published ?? (await commitTree(repository, name, tree, release, target))
    const isOther = published !== undefined && (await treeOf(repository, published)) !== tree
    pins.set(name, { commit, tag })
    prepared.push({ name, files, repository, commit, target, isOther })
  }
  return prepared
}

/** The tree of a folder's files, the same on every machine whatever git is configured to there. */
async function writeTree(repository: string, files: string): Promise<string> {
  const env = { GIT_INDEX_FILE: path.join(repository, 'index'), GIT_DIR: repository }
  const settings = ['autocrlf=false', 'fileMode=false', 'bare=false', 'attributesFile=/dev/null']
  const options = settings.flatMap(setting => ['-c', `core.${setting}`])
  await git(files, [...options, `--work-tree=${files}`, 'add', '--all', '--force', '.'], env)
  return git(repository, ['write-tree'], env)
}

async function commitTree(
  repository: string,
  name: string,
  tree: string,
  { version, author, date, notes }: Release,
  target: Target
): Promise<string> {
  const parent = parentFor(target, version)
  const messages = [`${name} ${tagOf(version)}`, notes].flatMap(text => ['-m', text])
  const words = ['commit-tree', ...(parent === undefined ? [] : ['-p', parent]), ...messages, tree]
  return git(repository, words, {
    GIT_AUTHOR_NAME: author.name,
    GIT_AUTHOR_EMAIL: author.email,
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: author.name,
    GIT_COMMITTER_EMAIL: author.email,
    GIT_COMMITTER_DATE: date
  })
}

function treeOf(repository: string, commit: string): Promise<string> {
  return git(repository, ['rev-parse', '--verify', `${commit}^{tree}`])
}
