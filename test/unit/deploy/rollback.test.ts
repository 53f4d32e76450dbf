import { expect, test } from '@jest/globals'
import { chooseRelease } from '../../../packages/core/src/deploy/rollback.ts'
import type { BrokenSwitch } from '../../../packages/core/src/release/journal.ts'
import type { Manifest } from '../../../packages/core/src/release/manifest.ts'

const release = (id: string) => ({ id }) as Manifest
const releases = ['1', '2', '3'].map(release)
const known = { releases, current: release('3'), broken: undefined }
const broken = (action: string, goal: string): BrokenSwitch => ({
  run: 'a1',
  action,
  url: 'https://example.com/1',
  actor: 'ann',
  at: '2026-01-02T03:04:05Z',
  release: goal,
  from: '3'
})

test('without a name it is the release before the live one', () => {
  expect(chooseRelease(undefined, known, 'host').id).toBe('2')
})

test('after a deploy that broke off half-way it is the one that was to be replaced', () => {
  expect(chooseRelease(undefined, { ...known, broken: broken('deploy', '4') }, 'host').id).toBe('3')
})

test('after a rollback that broke off half-way it is the one that was wanted then, too', () => {
  expect(chooseRelease(undefined, { ...known, broken: broken('rollback', '2') }, 'host').id).toBe(
    '2'
  )
})

test('the live one by name is refused, unless only half of it serves', () => {
  expect(() => chooseRelease('3', known, 'host')).toThrow(
    "input 'release': '3' is live already on host; it keeps '1', '2' and '3'"
  )
  expect(chooseRelease('3', { ...known, broken: broken('deploy', '4') }, 'host').id).toBe('3')
})
