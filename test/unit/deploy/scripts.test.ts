import { execFileSync } from 'node:child_process'
import { expect, test } from '@jest/globals'
import type { Project } from '../../../packages/core/src/app/compose.ts'
import { backupScript, pruneBackupsScript } from '../../../packages/core/src/deploy/backup.ts'
import { commandsScript } from '../../../packages/core/src/deploy/commands.ts'
import {
  commitScript,
  discardScript,
  environmentBackScript,
  followScript,
  releasesToPrune
} from '../../../packages/core/src/deploy/commit.ts'
import { factProbes } from '../../../packages/core/src/deploy/facts.ts'
import { onHost, type Place } from '../../../packages/core/src/deploy/library.ts'
import { askScript } from '../../../packages/core/src/deploy/migrations.ts'
import { noPlan } from '../../../packages/core/src/deploy/plan.ts'
import { journalPlan } from '../../../packages/core/src/deploy/plantext.ts'
import { prepareScript } from '../../../packages/core/src/deploy/prepare.ts'
import { recreateScript } from '../../../packages/core/src/deploy/recreate.ts'
import { keptConfigScript } from '../../../packages/core/src/deploy/resolve.ts'
import { rollScript } from '../../../packages/core/src/deploy/roll.ts'
import { yieldingReleases } from '../../../packages/core/src/deploy/room.ts'
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
  parts: {},
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
  [
    'prepare',
    prepareScript(place, target, {
      missingImages: ['redis:7', 'ghcr.io/a/other:x'],
      current: { ...manifest, id: '3' },
      releases: ['1', '2', '3'].map(id => ({ ...manifest, id, image: nasty }))
    })
  ],
  [
    'commands',
    commandsScript(place, target, [{ service: 'web', command: nasty, again: false }], 60)
  ],
  [
    'recreate',
    recreateScript(place, target, {
      imageTest: null,
      timeoutS: 60,
      doors: new Map(),
      healthPath: nasty
    })
  ],
  [
    'roll',
    rollScript(place, target, {
      tactics: new Map([['web', { how: 'roll' }]]),
      replicas: new Map(),
      replaceProxy: true,
      back: false,
      doors: new Map([['web', { port: 8000, speaks: 'http' }]]),
      imageTest: null,
      timeoutS: 60,
      bakeS: 10,
      errorsPercent: 5,
      healthPath: '/health/',
      origins: ['https://happydiving.mx']
    })
  ],
  ['commit', commitScript(place, manifest, [manifest], [], ['unfinished'], 'run')],
  ['backup', backupScript(place, { services: ['db', nasty], database: nasty, sure: true })],
  ['own backup', backupScript(place, { service: 'db', command: nasty, verify: nasty })],
  ['prune of backups', pruneBackupsScript(place, 5)],
  [
    'question to Django',
    askScript(
      place,
      target,
      { by: 'django', service: 'web', words: ['python', 'manage.py', 'shell'], database: nasty },
      60
    )
  ],
  [
    'question by commands',
    askScript(place, target, { by: 'commands', service: 'web', pending: nasty, applied: nasty }, 60)
  ],
  ['journal', journalPlan({ ...noPlan(), alarms: [nasty] })],
  ['discard', discardScript(place, ['web'])],
  ['environment back', environmentBackScript(place)],
  ['follow', followScript(place, target)]
])('the script for %s is valid POSIX shell whatever names hold', (_name, script) => {
  expect(execFileSync('sh', ['-n'], { input: script, encoding: 'utf8' })).toBe('')
})

test('the oldest releases give way to a new image, never the live one, the one before it or the goal', () => {
  const releases = ['4', '1', '3', '5', '2'].map(id => ({ ...manifest, id }))
  const ids = (live: string | undefined, goal: string) =>
    yieldingReleases({ releases, current: releases.find(({ id }) => id === live) }, goal).map(
      ({ id }) => id
    )
  expect(ids('5', '6')).toEqual(['1', '2', '3'])
  expect(ids('5', '2')).toEqual(['1', '3'])
  expect(ids('3', '6')).toEqual(['1', '4', '5'])
  expect(ids('1', '6')).toEqual(['2', '3', '4', '5'])
  expect(ids(undefined, '6')).toEqual(['1', '2', '3', '4', '5'])
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

test('what was said is shown under its heading, and no heading is shown of nothing', () => {
  const script = onHost(
    { path: '/tmp', compose: 'none.yml', project: 'app', release: 'r1' },
    `printf 'a\\nb  c\\n' | show 'it said:'; printf '' | show 'it said:'`
  )
  expect(execFileSync('sh', ['-c', script], { encoding: 'utf8' })).toBe(
    '@more it said:\n@more   a\n@more   b  c\n'
  )
})
