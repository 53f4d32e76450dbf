import { readFile } from 'node:fs/promises'
import * as z from 'zod'

/** What started the run, as far as it matters here. */
export interface Event {
  /** `owner` and `name` of the repository that the workflow belongs to. */
  repository: { owner: string; repo: string } | undefined
  /** The commit that the run is about: of a pull request its newest, not the merge that GitHub tries. */
  commit: string | undefined
  /** The pull request that the run is for, and who made it when such runs get no secrets. */
  pull: { number: number; outsider: 'a fork' | 'Dependabot' | undefined } | undefined
}

const payload = z.object({
  repository: z.object({ full_name: z.string() }),
  pull_request: z.object({
    number: z.int(),
    head: z.object({ sha: z.string(), repo: z.object({ full_name: z.string() }).nullable() })
  })
})

/** Reads what the runner says of the event: its variables, and the payload of a pull request's. */
export async function readEvent(env = process.env): Promise<Event> {
  const [owner, repo] = env.GITHUB_REPOSITORY?.split('/') ?? []
  const repository = owner && repo ? { owner, repo } : undefined
  const pull = await readPull(env)
  return {
    repository,
    commit: pull?.head.sha ?? env.GITHUB_SHA,
    pull: pull && { number: pull.number, outsider: outsider(pull, env) }
  }
}

function outsider(
  { head, base }: NonNullable<Awaited<ReturnType<typeof readPull>>>,
  env: NodeJS.ProcessEnv
) {
  // A fork that has been deleted since has no repository.
  if (head.repo?.full_name !== base) return 'a fork'
  return env.GITHUB_ACTOR === 'dependabot[bot]' ? 'Dependabot' : undefined
}

async function readPull({ GITHUB_EVENT_NAME: name, GITHUB_EVENT_PATH: file }: NodeJS.ProcessEnv) {
  if (file === undefined || !/^pull_request(_target)?$/.test(name ?? '')) return undefined
  const read = payload.safeParse(await readJson(file))
  if (!read.success) return undefined
  return { ...read.data.pull_request, base: read.data.repository.full_name }
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch {
    return undefined
  }
}
