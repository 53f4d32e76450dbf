import { expect, test } from '@jest/globals'
import type { Service } from '../../../packages/core/src/app/compose.ts'
import { changedParts, partsOf } from '../../../packages/core/src/app/parts.ts'

const web: Service = {
  image: 'a:latest',
  command: ['serve'],
  environment: { KEPT: '1', CHANGED: '1', GONE: '1', PASSWORD: 'redacted' },
  volumes: [{ type: 'volume', source: 'data', target: '/data' }]
}

test('nothing changed is nothing to say', () => {
  expect(changedParts(partsOf(web), partsOf({ ...web }))).toEqual([])
})

test('parts and variables are told by name, never by value', () => {
  const after: Service = {
    ...web,
    command: ['serve', '--fast'],
    environment: { KEPT: '1', CHANGED: 'hunter2', PASSWORD: 'redacted', FRESH: 'hunter2' },
    volumes: [],
    ports: [{ target: 80 }]
  }
  expect(changedParts(partsOf(web), partsOf(after), new Set(['PASSWORD', 'ELSEWHERE']))).toEqual([
    'command',
    'mounts',
    'ports',
    'environment ~CHANGED -GONE ~PASSWORD +FRESH'
  ])
  expect(JSON.stringify(partsOf(after))).not.toContain('hunter2')
})
