import { expect, test } from '@jest/globals'
import type { Project } from '../../../packages/core/src/app/compose.ts'
import {
  chooseReplicas,
  declaredReplicas,
  formerReplicas
} from '../../../packages/core/src/deploy/replicas.ts'

const project: Project = {
  name: 'app',
  services: { web: { scale: 3 }, api: { deploy: { replicas: 2 } }, worker: { deploy: {} }, db: {} }
}
const silent: Project = { name: 'app', services: { web: {}, api: {}, worker: {}, db: {} } }

test('a number is declared by scale or by deploy.replicas', () => {
  expect(declaredReplicas(project)).toEqual({ web: 3, api: 2 })
})

test('a number that is withdrawn becomes one, what was never declared is not named', () => {
  const served = { replicas: { web: 3, worker: 2 } }
  expect([...chooseReplicas(silent, served)]).toEqual([
    ['web', 1],
    ['worker', 1]
  ])
  expect([...chooseReplicas(project, served)].sort()).toEqual([
    ['api', 2],
    ['web', 3],
    ['worker', 1]
  ])
})

test('of a release that did not keep its numbers, and of none, nothing is withdrawn', () => {
  expect([...chooseReplicas(silent, { replicas: undefined })]).toEqual([])
  expect([...chooseReplicas(silent, undefined)]).toEqual([])
})

test('on the way back the numbers are those from before, unless they are declared', () => {
  const container = (service: string) => ({
    name: '',
    service,
    imageId: '',
    state: 'running',
    health: '',
    restarts: 0,
    configHash: ''
  })
  const containers = ['api', 'worker', 'worker'].map(container)
  expect([...formerReplicas(silent, { containers })]).toEqual([
    ['api', 1],
    ['worker', 2]
  ])
  expect(formerReplicas(project, { containers }).get('api')).toBe(2)
})
