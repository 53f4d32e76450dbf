import { execFileSync } from 'node:child_process'
import { expect, test } from '@jest/globals'
import type { Project } from '../../../packages/core/src/app/compose.ts'
import { commandsScript } from '../../../packages/core/src/deploy/commands.ts'
import {
  commitScript,
  discardScript,
  environmentBackScript,
  followScript,
  releasesToPrune
} from '../../../packages/core/src/deploy/commit.ts'
import { factProbes } from '../../../packages/core/src/deploy/facts.ts'
import type { Place } from '../../../packages/core/src/deploy/library.ts'
import { prepareScript } from '../../../packages/core/src/deploy/prepare.ts'
import { recreateScript } from '../../../packages/core/src/deploy/recreate.ts'
import { keptConfigScript } from '../../../packages/core/src/deploy/resolve.ts'
import { rollScript } from '../../../packages/core/src/deploy/roll.ts'
import type { Target } from '../../../packages/core/src/deploy/target.ts'
import type { Manifest } from '../../../packages/core/src/release/manifest.ts'

const nasty = `a'b "c" $(touch /tmp/x) \`y\` \\`
const place: Place = {
  path: `/opt/${nasty}`,
  compose: `docker ${nasty}.yml`,
  project: 'app',
  release: '20261123-204501-abcdef0'
}
const project: Project = {
  name: 'app',
  services: {
    nginx: {
      image: 'nginx:alpine',
      ports: [{ target: 80, published: '80' }],
      depends_on: { web: {} }
    },
    web: {
      image: 'ghcr.io/a/b:latest',
      depends_on: { db: { condition: 'service_healthy' } },
      healthcheck: { test: ['CMD-SHELL', `curl ${nasty} $$HOME`] }
    },
    db: { image: 'postgres', healthcheck: { test: ['CMD', 'pg_isready'] } }
  }
}
const target: Target = {
  image: `ghcr.io/a/b@sha256:${'a'.repeat(64)}`,
  project,
  built: ['web'],
  proxy: 'nginx',
  variant: 'http',
  pairs: [{ http: 'h', https: `docker/${nasty}`, variant: 'http' }],
  warnings: [],
  liveFiles: new Map([[`docker/${nasty}`, 'x']]),
  staleFiles: new Map([[`old ${nasty}`, 'y']]),
  environment: { add: [['A', nasty]], generate: [['B', 50]], follow: [['C', nasty]] },
  follow: {}
}
const manifest: Manifest = {
  id: '20261122-204501-abcdef0',
  app: 'app',
  created: '',
  image: target.image,
  imageId: 'sha256:1',
  imageTest: null,
  services: ['web'],
  compose: 'c.yml',
  definitions: {},
  proxy: {},
  variant: 'http',
  pairs: [],
  files: {},
  again: [],
  env: { sha256: 'e', follow: {} }
}

test.each([
  ['facts', factProbes(place.path, place.compose).script],
  ['kept release', keptConfigScript(place.path, place.release, place.compose)],
  ['prepare', prepareScript(place, target, ['redis:7', 'ghcr.io/a/other:x'])],
  [
    'commands',
    commandsScript(place, target, [{ service: 'web', command: nasty, again: false }], 60)
  ],
  ['recreate', recreateScript(place, target, { imageTest: null, timeoutS: 60 })],
  [
    'roll',
    rollScript(place, target, {
      tactics: new Map([['web', { how: 'roll' }]]),
      replaceProxy: true,
      imageTest: null,
      timeoutS: 60,
      bakeS: 10,
      healthPath: '/health/',
      origins: ['https://happydiving.mx']
    })
  ],
  ['commit', commitScript(place, manifest, [manifest], [], ['unfinished'])],
  ['discard', discardScript(place, ['web'])],
  ['environment back', environmentBackScript(place)],
  ['follow', followScript(place, target)]
])('the script for %s is valid POSIX shell whatever names hold', (_name, script) => {
  expect(execFileSync('sh', ['-n'], { input: script, encoding: 'utf8' })).toBe('')
})

test('the release before the live one is never pruned, the oldest go first', () => {
  const releases = ['1', '2', '3', '4', '5'].map(id => ({ ...manifest, id }))
  const live = { ...manifest, id: '6' }
  const pruned = (previous: string, keep: number) =>
    releasesToPrune(releases, live, previous, keep).map(({ id }) => id)
  expect(pruned('5', 3)).toEqual(['3', '2', '1'])
  expect(pruned('1', 3)).toEqual(['4', '3', '2'])
  expect(pruned('5', 1)).toEqual(['4', '3', '2', '1'])
  expect(pruned('5', 100)).toEqual([])
})
