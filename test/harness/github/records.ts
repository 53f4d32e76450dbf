const REPOSITORY = 'https://api.github.com/repos/owner/app'
const TIMES = { created_at: '2026-01-02T03:04:05Z', updated_at: '2026-01-02T03:04:05Z' }

/** A user as GitHub describes one. */
export function userOf(login: string, type: 'Bot' | 'User') {
  const url = `https://api.github.com/users/${login}`
  const links = ['avatar', 'events', 'followers', 'following', 'gists', 'html', 'organizations']
  const more = ['received_events', 'repos', 'starred', 'subscriptions']
  return {
    login,
    id: 41_898_282,
    node_id: 'U_1',
    gravatar_id: '',
    url,
    ...Object.fromEntries([...links, ...more].map(name => [`${name}_url`, `${url}/${name}`])),
    type,
    site_admin: false
  }
}

const BOT = userOf('github-actions[bot]', 'Bot')

interface Wanted {
  ref: string
  environment?: string
  description?: string
}

/** A deployment as GitHub makes it of a request. */
export function deploymentOf(id: number, { ref, environment, description }: Wanted) {
  const url = `${REPOSITORY}/deployments/${id}`
  return {
    id,
    node_id: `D_${id}`,
    url,
    sha: ref,
    ref,
    task: 'deploy',
    payload: {},
    environment: environment ?? 'production',
    description: description ?? '',
    creator: BOT,
    statuses_url: `${url}/statuses`,
    repository_url: REPOSITORY,
    ...TIMES
  }
}

interface WantedStatus {
  state: string
  description?: string
  environment_url?: string
  log_url?: string
}

/** A status of a deployment as GitHub makes it of a request. */
export function statusOf(id: number, wanted: WantedStatus) {
  const { state, description, environment_url, log_url } = wanted
  return {
    id,
    node_id: `S_${id}`,
    url: `${REPOSITORY}/statuses/${id}`,
    state,
    description: description ?? '',
    environment_url: environment_url ?? '',
    log_url: log_url ?? '',
    target_url: log_url ?? '',
    creator: BOT,
    deployment_url: REPOSITORY,
    repository_url: REPOSITORY,
    ...TIMES
  }
}

/** A comment as GitHub makes it of a request by the job's own token, or by somebody else. */
export function commentOf(id: number, body: string, user = BOT, association = 'NONE') {
  return {
    id,
    node_id: `C_${id}`,
    url: `${REPOSITORY}/issues/comments/${id}`,
    html_url: `https://github.com/owner/app/pull/7#issuecomment-${id}`,
    issue_url: `${REPOSITORY}/issues/7`,
    body,
    user,
    author_association: association,
    ...TIMES
  }
}
