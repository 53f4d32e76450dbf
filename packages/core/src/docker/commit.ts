import type { Local } from '../action/local.ts'

/** The commit that is built. */
export interface Commit {
  sha: string
  /** When it was made, ISO 8601 in UTC; undefined when git does not tell. */
  time: string | undefined
}

/** The checked-out commit, or the one that the workflow runs for; undefined when neither is known. */
export async function currentCommit(
  local: Local,
  folder: string,
  env = process.env
): Promise<Commit | undefined> {
  // In a container the checkout often belongs to another user, which git would refuse.
  const git = ['git', '-c', 'safe.directory=*', '-C', folder]
  const shown = await local([...git, 'show', '-s', '--format=%H %cI', 'HEAD']).catch(
    () => undefined
  )
  const [sha, time] = shown?.code === 0 ? shown.stdout.trim().split(' ') : []
  if (sha && time) return { sha, time: new Date(time).toISOString() }
  return env.GITHUB_SHA ? { sha: env.GITHUB_SHA, time: undefined } : undefined
}

/**
 * The image's OCI labels. `created` is the commit's time, so that building a commit again with the
 * same layers gives the same digest and a deploy of it changes nothing.
 */
export function ociLabels(
  commit: Commit | undefined,
  now: number,
  env = process.env
): [string, string][] {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository } = env
  const prefix = 'org.opencontainers.image'
  const labels: [string, string | undefined][] = [
    [`${prefix}.source`, server && repository && `${server}/${repository}`],
    [`${prefix}.revision`, commit?.sha],
    [`${prefix}.created`, commit?.time ?? new Date(now).toISOString()]
  ]
  return labels.filter((label): label is [string, string] => !!label[1])
}

/** The tags of an image that was given none: `latest` and the commit's short name. */
export function defaultTags(commit: Commit | undefined): string[] {
  return commit ? ['latest', commit.sha.slice(0, 7)] : ['latest']
}
