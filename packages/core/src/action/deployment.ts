import { beforeLastWords } from './cancel.ts'
import type { GitHub } from './github.ts'

/** What the page of an environment on GitHub is told of a run. */
export interface DeploymentWanted {
  environment: string
  /** The commit that is deployed. */
  ref: string
  description: string
  /** Address of the run, whose log tells more. */
  logUrl: string | undefined
}

/**
 * How a run ended, for the page of its environment: `success` when what it wanted is live, `failure` when
 * that is not, `error` when nobody knows. `inactive` is for what was live before.
 */
export interface DeploymentEnd {
  state: 'success' | 'failure' | 'error'
  description: string
  /** Address of the site. */
  url: string | undefined
}

const PERMISSION = 'deployments: write'
/** GitHub takes no longer descriptions of a status. */
const LONGEST = 140
const GIVEN_UP = 'cancelled, and the server did not answer'
/** So many deployments back an earlier one that counts as live is looked for. */
const LOOK_BACK = 20

/**
 * A run in the list of an environment's deployments: in progress from now on, until it has ended, or was
 * cancelled and did not end in time. GitHub is asked beside the run, which does not wait for it; nothing
 * here throws.
 */
export class Deployment {
  readonly #github: GitHub
  readonly #wanted: DeploymentWanted
  readonly #begun: Promise<number | undefined>
  #ending: Promise<void> | undefined

  constructor(github: GitHub, wanted: DeploymentWanted, cancel?: AbortSignal) {
    this.#github = github
    this.#wanted = wanted
    const { environment } = wanted
    this.#begun = github.attempt(`record a deployment to '${environment}'`, PERMISSION, () =>
      this.#begin()
    )
    if (cancel) beforeLastWords(cancel, () => this.#giveUp())
  }

  /** Says how the run ended; after a success the deployment that was live before becomes inactive. */
  end(how: DeploymentEnd): Promise<void> {
    // What is said last counts.
    const before = this.#ending
    this.#ending = before ? before.then(() => this.#end(how)) : this.#end(how)
    return this.#ending
  }

  #giveUp(): void {
    this.#ending ??= this.#end({ state: 'error', description: GIVEN_UP, url: undefined })
  }

  async #end(how: DeploymentEnd): Promise<void> {
    const id = await this.#begun
    if (id === undefined) return
    const what = `record how the deployment to '${this.#wanted.environment}' ended`
    await this.#github.attempt(what, PERMISSION, async () => {
      await this.#say(id, how.state, how.description, how.url)
      if (how.state === 'success') await this.#retire(id)
    })
  }

  async #begin(): Promise<number> {
    const { rest, repository } = this.#github
    const { ref, environment, description } = this.#wanted
    const { data } = await rest.repos.createDeployment({
      ...repository,
      ref,
      environment,
      description: description.slice(0, LONGEST),
      // The workflow has decided that this commit is deployed: nothing is merged or waited for.
      auto_merge: false,
      required_contexts: []
    })
    if (!('id' in data))
      throw new Error(`no deployment was made: ${data.message ?? 'no reason given'}`)
    await this.#say(data.id, 'in_progress', description)
    return data.id
  }

  async #say(
    id: number,
    state: 'in_progress' | 'inactive' | DeploymentEnd['state'],
    description: string,
    url?: string
  ): Promise<void> {
    const { rest, repository } = this.#github
    const { logUrl } = this.#wanted
    await rest.repos.createDeploymentStatus({
      ...repository,
      deployment_id: id,
      state,
      description: description.slice(0, LONGEST),
      ...(logUrl !== undefined && { log_url: logUrl }),
      ...(url !== undefined && { environment_url: url })
    })
  }

  /** GitHub does this by itself only where the environment is not one of production. */
  async #retire(id: number): Promise<void> {
    const { rest, repository } = this.#github
    const { environment } = this.#wanted
    const { data: all } = await rest.repos.listDeployments({
      ...repository,
      environment,
      per_page: LOOK_BACK
    })
    for (const other of all) {
      if (other.id >= id) continue
      const { data: statuses } = await rest.repos.listDeploymentStatuses({
        ...repository,
        deployment_id: other.id,
        per_page: 1
      })
      if (statuses[0]?.state !== 'success') continue
      return this.#say(other.id, 'inactive', 'another release is live')
    }
  }
}
