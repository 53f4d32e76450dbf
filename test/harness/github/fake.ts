import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Asked, answerProblems, operationOf, requestProblems } from './contract.ts'
import { commentOf, deploymentOf, statusOf } from './records.ts'

/** A fault of the API: an answer with this status and body, or one that does not end well. */
export type Fault =
  | { status: number; body?: object; headers?: Record<string, string> }
  | 'hangs up'
  | 'never answers'

/** Stands for GitHub's API: keeps what it is told, and what it was told wrongly. */
export interface FakeGitHub {
  /** For GITHUB_API_URL. */
  url: string
  /** Requests so far, as `POST /repos/{owner}/{repo}/deployments`. */
  asked: string[]
  /** What GitHub's own description of its API has against a request, or against our answer. */
  problems: string[]
  deployments: ReturnType<typeof deploymentOf>[]
  /** By deployment, the newest first. */
  statuses: Map<number, ReturnType<typeof statusOf>[]>
  comments: ReturnType<typeof commentOf>[]
  /** Which requests fail, by the beginning of their name. */
  fail(name: string, fault: Fault): void
  /** Forgets everything. */
  reset(): void
  stop(): Promise<void>
}

/** Starts it on a free port of the loopback. */
export async function startFakeGitHub(): Promise<FakeGitHub> {
  const faults = new Map<string, Fault>()
  const fake: FakeGitHub = {
    url: '',
    asked: [],
    problems: [],
    deployments: [],
    statuses: new Map(),
    comments: [],
    fail: (name, fault) => faults.set(name, fault),
    reset: () => {
      for (const list of [fake.asked, fake.problems, fake.deployments, fake.comments])
        list.length = 0
      fake.statuses.clear()
      faults.clear()
    },
    stop: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
  const server = createServer((request, response) => {
    void respond(request, response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  fake.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return fake

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = await read(request)
    const found = operationOf(asked)
    const name = found?.name ?? `${asked.method} ${asked.url}`
    fake.asked.push(name)
    fake.problems.push(...requestProblems(asked))
    const fault = [...faults].find(([beginning]) => name.startsWith(beginning))?.[1]
    if (fault === 'never answers') return
    if (fault === 'hangs up') {
      request.socket.destroy()
      return
    }
    if (fault) return send(response, fault.status, fault.body ?? {}, fault.headers)
    if (!found) return send(response, 501, { message: 'Not part of this fake' })
    const { status, body } = answer(asked, found.name, found.given)
    fake.problems.push(...answerProblems(asked, status, body))
    const next = Array.isArray(body) ? nextPage(asked, body.length) : undefined
    send(response, status, body, next === undefined ? {} : { link: `<${next}>; rel="next"` })
  }

  /** Where the next page is, which GitHub says in a header; a full page may be the last one. */
  function nextPage({ url }: Asked, length: number): string | undefined {
    const address = new URL(url, fake.url)
    const query = address.searchParams
    if (length < Number(query.get('per_page') ?? 30)) return undefined
    query.set('page', String(Number(query.get('page') ?? 1) + 1))
    return address.href
  }

  function answer({ body, url }: Asked, name: string, given: Record<string, string>) {
    const value = body === '' ? {} : JSON.parse(body)
    const query = new URL(url, fake.url).searchParams
    const id = Number(given.deployment_id ?? given.comment_id)
    const size = Number(query.get('per_page') ?? 30)
    const from = (Number(query.get('page') ?? 1) - 1) * size
    const page = <T>(list: T[]) => list.slice(from, from + size)
    switch (`${name.split(' ')[0]} ${name.split('/').at(-1)}`) {
      case 'POST deployments': {
        const made = deploymentOf(fake.deployments.length + 1, value)
        fake.deployments.unshift(made)
        return { status: 201, body: made }
      }
      case 'GET deployments': {
        const wanted = query.get('environment')
        const all = fake.deployments.filter(one => !wanted || one.environment === wanted)
        return { status: 200, body: page(all) }
      }
      case 'POST statuses': {
        const made = statusOf(id * 100 + (fake.statuses.get(id)?.length ?? 0), value)
        fake.statuses.set(id, [made, ...(fake.statuses.get(id) ?? [])])
        return { status: 201, body: made }
      }
      case 'GET statuses':
        return { status: 200, body: page(fake.statuses.get(id) ?? []) }
      case 'POST comments': {
        const made = commentOf(fake.comments.length + 1, value.body)
        fake.comments.push(made)
        return { status: 201, body: made }
      }
      case 'GET comments':
        return { status: 200, body: page(fake.comments) }
      default: {
        const comment = fake.comments.find(one => one.id === id)
        if (!comment) return { status: 404, body: { message: 'Not Found' } }
        comment.body = value.body
        return { status: 200, body: comment }
      }
    }
  }
}

async function read(request: IncomingMessage): Promise<Asked> {
  let body = ''
  for await (const chunk of request) body += chunk
  const { method = '', url = '', headers } = request
  return { method, url, headers, body }
}

function send(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {}
): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers })
  response.end(JSON.stringify(body))
}
