import { getOctokit } from '@actions/github'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Event } from './event.ts'

/** How long one answer of GitHub's may take. */
const TIMEOUT_MS = 10_000

/** GitHub's API for one repository. What fails there is one warning and never ends a run. */
export interface GitHub {
  /** The endpoints by their names. */
  rest: ReturnType<typeof getOctokit>['rest']
  paginate: ReturnType<typeof getOctokit>['paginate']
  repository: { owner: string; repo: string }
  /**
   * Runs `body`; undefined when it failed, and from then on, as what failed once would fail again.
   * `what` completes "could not ..."; `permission` is what the token needs, as in a workflow.
   */
  attempt<T>(what: string, permission: string, body: () => Promise<T>): Promise<T | undefined>
}

/** Opens GitHub's API; undefined without a token, or where there is no GitHub. */
export function openGitHub(
  token: string | undefined,
  { repository }: Event,
  log: Log,
  { env = process.env, timeoutMs = TIMEOUT_MS } = {}
): GitHub | undefined {
  if (token === undefined || repository === undefined) return undefined
  const octokit = getOctokit(token, { baseUrl: env.GITHUB_API_URL ?? 'https://api.github.com' })
  octokit.hook.before('request', options => {
    options.request.signal = AbortSignal.timeout(timeoutMs)
  })
  let failed = false
  return {
    rest: octokit.rest,
    paginate: octokit.paginate,
    repository,
    attempt: async (what, permission, body) => {
      if (failed) return undefined
      try {
        return await body()
      } catch (error) {
        failed = true
        log.warning(`could not ${what}: ${explain(error, permission)}`)
        return undefined
      }
    }
  }
}

/** What a failure of the API means, and what to change. */
function explain(error: unknown, permission: string): string {
  const { status, response } = (error ?? {}) as {
    status?: number
    response?: { headers?: Record<string, string | undefined>; data?: { message?: unknown } }
  }
  const said = response?.data?.message
  const words = typeof said === 'string' && said !== '' ? `GitHub said '${oneLine(said)}'` : ''
  const told = (text: string) => (words === '' ? text : `${words}; ${text}`)
  if (response === undefined || status === undefined) {
    const why = error as { name?: string; cause?: unknown }
    const late = [why?.name, (why?.cause as { name?: string })?.name].includes('TimeoutError')
    const reason = late ? 'in time' : `(${errorMessage(why?.cause ?? error)})`
    return `GitHub's API did not answer ${reason}; the rest of the run went on without it`
  }
  const { headers = {} } = response
  if (status === 429 || headers['x-ratelimit-remaining'] === '0' || headers['retry-after']) {
    return told("the token's limit of requests is used up; run again later")
  }
  if (status === 401) {
    return told(
      "the token in input 'github-token' is not valid; give it the job's own, github.token"
    )
  }
  if (status === 403 || status === 404) {
    return told(
      `the token in input 'github-token' may not; give the job the permission '${permission}'`
    )
  }
  if (status === 409 || status === 422) {
    return told(`GitHub refused the request (status ${status}); check the input 'environment'`)
  }
  return told(`GitHub's API answered with status ${status}; the rest of the run went on without it`)
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim().slice(0, 200)
}
