import {
  type Build,
  buildCommand,
  needsContainerBuilder,
  secretVariables
} from '@diveops/core/docker/buildx'
import { expect, test } from '@jest/globals'

const plain: Build = {
  context: '.',
  file: undefined,
  target: undefined,
  name: 'ghcr.io/o/app',
  tags: ['latest'],
  platforms: [],
  labels: [],
  buildArgs: [],
  secrets: [],
  cache: { kind: 'off' },
  push: true
}
const START = 'docker buildx build --progress plain --provenance false --metadata-file m.json'

const CASES: [string, Partial<Build>, string][] = [
  ['plain', {}, '--tag ghcr.io/o/app:latest --push .'],
  ['not pushed', { push: false }, '--tag ghcr.io/o/app:latest --load .'],
  [
    'several platforms, not pushed',
    { push: false, platforms: ['linux/amd64', 'linux/arm64'] },
    '--platform linux/amd64,linux/arm64 --tag ghcr.io/o/app:latest --output type=cacheonly .'
  ],
  [
    'everything',
    {
      context: 'app',
      file: 'docker/Dockerfile',
      target: 'web',
      tags: ['latest', 'abc1234'],
      labels: [['org.opencontainers.image.revision', 'abc']],
      buildArgs: [['RELEASE', 'a b']],
      secrets: [{ id: 'pip', value: 'hidden' }]
    },
    '--file docker/Dockerfile --target web --tag ghcr.io/o/app:latest --tag ghcr.io/o/app:abc1234 ' +
      '--label org.opencontainers.image.revision=abc --build-arg RELEASE=a b ' +
      '--secret id=pip,env=DIVEOPS_BUILD_SECRET_0 --push app'
  ],
  [
    'inline cache',
    { cache: { kind: 'inline' }, tags: ['v1', 'latest'] },
    '--tag ghcr.io/o/app:v1 --tag ghcr.io/o/app:latest ' +
      '--cache-from type=registry,ref=ghcr.io/o/app:latest --cache-to type=inline --push .'
  ],
  [
    'inline cache without latest, cold',
    { cache: { kind: 'inline' }, tags: ['v1'], coldCache: true },
    '--tag ghcr.io/o/app:v1 --cache-to type=inline --push .'
  ],
  [
    'registry cache of a try',
    { cache: { kind: 'registry' }, push: false },
    '--tag ghcr.io/o/app:latest --cache-from type=registry,ref=ghcr.io/o/app:buildcache --load .'
  ],
  [
    'registry cache',
    { cache: { kind: 'registry' } },
    '--tag ghcr.io/o/app:latest --cache-from type=registry,ref=ghcr.io/o/app:buildcache ' +
      '--cache-to type=registry,ref=ghcr.io/o/app:buildcache,mode=max --push .'
  ],
  [
    'gha cache',
    { cache: { kind: 'gha' } },
    '--tag ghcr.io/o/app:latest --cache-from type=gha --cache-to type=gha,mode=max --push .'
  ],
  [
    'local cache',
    { cache: { kind: 'local', folder: '/c' } },
    '--tag ghcr.io/o/app:latest --cache-from type=local,src=/c ' +
      '--cache-to type=local,dest=/c,mode=max --push .'
  ]
]

test.each(CASES)('%s', (_case, changes, rest) => {
  const words = buildCommand({ ...plain, ...changes }, 'm.json', undefined)
  expect(words.join(' ')).toBe(`${START} ${rest}`)
})

test('a builder of our own', () => {
  const words = buildCommand(plain, 'm.json', 'diveops-1')
  expect(words.join(' ')).toContain(' --builder diveops-1 ')
})

test('secrets travel in variables and never in argv', () => {
  const secrets = [
    { id: 'pip', value: 'canary-1' },
    { id: 'npm', value: 'canary-2\nline' }
  ]
  expect(buildCommand({ ...plain, secrets }, 'm.json', undefined).join(' ')).not.toContain('canary')
  expect(secretVariables(secrets)).toEqual({
    DIVEOPS_BUILD_SECRET_0: 'canary-1',
    DIVEOPS_BUILD_SECRET_1: 'canary-2\nline'
  })
})

test.each<[Partial<Build>, string | undefined]>([
  [{}, undefined],
  [{ cache: { kind: 'inline' } }, undefined],
  [{ platforms: ['linux/arm64'] }, undefined],
  [{ platforms: ['linux/amd64', 'linux/arm64'] }, 'several platforms'],
  [{ cache: { kind: 'gha' } }, "cache 'gha'"],
  [{ cache: { kind: 'gha' }, push: false }, undefined]
])('container builder for %j', (changes, reason) => {
  expect(needsContainerBuilder({ ...plain, ...changes })).toBe(reason)
})
