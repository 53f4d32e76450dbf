import { parseBuilder } from '@diveops/core/docker/builder'
import { defaultTags, ociLabels } from '@diveops/core/docker/commit'
import { buildError, isPushRefused, lastLine } from '@diveops/core/docker/failure'
import { expect, test } from '@jest/globals'

const SHA = 'a31c78ce4d9788144a0ae2d7bbc7b27cdc6b9a4f'
const PYTHON = 'docker.io/library/nope: pull access denied, repository does not exist'

test.each([
  [
    '#1 x\nERROR: failed to solve: target stage "x" could not be found\n',
    'target stage "x" could not be found',
    false
  ],
  [
    'ERROR: failed to solve: failed to push ghcr.io/o/a:latest: denied: permission_denied: write_package',
    'failed to push ghcr.io/o/a:latest: denied: permission_denied: write_package',
    true
  ],
  [
    'ERROR: failed to push ghcr.io/o/a:latest: unexpected status from HEAD request to https://ghcr.io/v2/: 401 Unauthorized',
    'failed to push ghcr.io/o/a:latest: unexpected status from HEAD request to https://ghcr.io/v2/: 401 Unauthorized',
    true
  ],
  [
    'ERROR: denied: requested access to the resource is denied',
    'denied: requested access to the resource is denied',
    true
  ],
  [
    `ERROR: failed to solve: nope: failed to resolve source metadata for ${PYTHON}`,
    `nope: failed to resolve source metadata for ${PYTHON}`,
    false
  ],
  ['Killed\n\n', 'Killed', false]
])('failure of %j', (output, error, refused) => {
  expect(buildError(output)).toBe(error)
  expect(isPushRefused(output)).toBe(refused)
})

test('the last line of nothing', () => {
  expect(lastLine('\n \n')).toBe('no message')
})

test.each([
  [
    'Name:          default\nDriver:        docker\nLast Activity: now\n',
    { name: 'default', driver: 'docker' }
  ],
  ['Name:   remote0\nDriver: remote\n\nNodes:\nName: x\n', { name: 'remote0', driver: 'remote' }],
  [
    'Name:          default\nDriver:        \nLast Activity: now\nError:  Cannot connect',
    undefined
  ],
  ['', undefined]
])('builder in %j', (text, builder) => {
  expect(parseBuilder(text)).toEqual(builder)
})

test('labels and tags from the commit', () => {
  const env = { GITHUB_SERVER_URL: 'https://github.com', GITHUB_REPOSITORY: 'O/App' }
  const commit = { sha: SHA, time: '2026-11-23T20:00:00.000Z' }
  expect(ociLabels(commit, 0, env)).toEqual([
    ['org.opencontainers.image.source', 'https://github.com/O/App'],
    ['org.opencontainers.image.revision', SHA],
    ['org.opencontainers.image.created', '2026-11-23T20:00:00.000Z']
  ])
  expect(defaultTags(commit)).toEqual(['latest', 'a31c78c'])
})

test('labels and tags without a commit', () => {
  expect(ociLabels(undefined, 0, {})).toEqual([
    ['org.opencontainers.image.created', '1970-01-01T00:00:00.000Z']
  ])
  expect(defaultTags(undefined)).toEqual(['latest'])
})
