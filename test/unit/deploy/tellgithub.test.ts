import type { Deployment, DeploymentEnd } from '@diveops/core/action/deployment'
import { Cancelled } from '@diveops/core/base/errors'
import type { Outcome, State } from '@diveops/core/deploy/outcome'
import { endDeployment } from '@diveops/core/deploy/tellgithub'
import { expect, test } from '@jest/globals'

test.each<[State, Error | undefined, DeploymentEnd['state']]>([
  ['live', undefined, 'success'],
  ['live', new Cancelled('the run was cancelled, too late'), 'success'],
  ['unchanged', undefined, 'success'],
  ['restored', new Error('unhealthy'), 'failure'],
  ['untouched', new Cancelled('the run was cancelled'), 'failure'],
  ['unknown', new Error('the connection was lost'), 'error']
])('a run that ends %s (%s) is a %s on the page of the environment', async (state, error, said) => {
  const told: DeploymentEnd[] = []
  const deployment = { end: async (how: DeploymentEnd) => void told.push(how) }
  await endDeployment(deployment as unknown as Deployment, { state, error } as Outcome)
  expect(told.map(one => one.state)).toEqual([said])
})
