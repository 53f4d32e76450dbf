import { Deployment } from '@diveops/core/action/deployment'
import type { GitHub } from '@diveops/core/action/github'
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'

beforeEach(() => {
  jest.useFakeTimers()
})
afterEach(() => {
  jest.useRealTimers()
})

/** A deployment of a run that can be cancelled, and the states that GitHub is told. */
function begin() {
  const states: string[] = []
  const repos = {
    createDeployment: async () => ({ data: { id: 1 } }),
    createDeploymentStatus: async ({ state }: { state: string }) => {
      states.push(state)
    },
    listDeployments: async () => ({ data: [] })
  }
  const github = {
    rest: { repos },
    repository: { owner: 'owner', repo: 'app' },
    attempt: (_what: string, _permission: string, body: () => Promise<unknown>) => body()
  } as unknown as GitHub
  const cancel = new AbortController()
  const wanted = { environment: 'production', ref: 'main', description: '', logUrl: undefined }
  return { deployment: new Deployment(github, wanted, cancel.signal), cancel, states }
}

const end = (state: 'success' | 'failure') => ({ state, description: '', url: undefined })

test('a cancelled run that leaves in order says how it ended, and nothing else', async () => {
  const { deployment, cancel, states } = begin()
  cancel.abort()
  await deployment.end(end('failure'))
  await jest.runAllTimersAsync()
  expect(states).toEqual(['in_progress', 'failure'])
})

test('one that does not is an error, until it says how it ended after all', async () => {
  const { deployment, cancel, states } = begin()
  cancel.abort()
  await jest.runAllTimersAsync()
  expect(states).toEqual(['in_progress', 'error'])
  await deployment.end(end('success'))
  expect(states).toEqual(['in_progress', 'error', 'success'])
})

test('a run that nobody cancels is in progress as long as it takes', async () => {
  const { states } = begin()
  await jest.advanceTimersByTimeAsync(3_600_000)
  expect(states).toEqual(['in_progress'])
})
