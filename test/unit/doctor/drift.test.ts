import { expect, test } from '@jest/globals'
import { parseConfig } from '../../../packages/core/src/app/config.ts'
import { driftRows } from '../../../packages/core/src/doctor/drift.ts'
import { type Manifest, parseManifest } from '../../../packages/core/src/release/manifest.ts'

function release(id: string): Manifest {
  const text = JSON.stringify({
    id,
    app: 'app',
    created: '2026-01-02T03:04:05Z',
    image: 'ghcr.io/reef-club/app@sha256:1',
    imageId: 'sha256:1',
    services: ['web'],
    compose: 'docker-compose.prod.yml',
    proxy: {},
    variant: 'http',
    files: {},
    env: { sha256: '', follow: {} }
  })
  return parseManifest(text) as Manifest
}

/** What is said of the way back when these releases are kept. */
function wayBack(current: string, kept: readonly string[]) {
  const nothing = new Proxy({}, { get: () => ({ text: '', code: 1 }) })
  const seen = {
    facts: {
      current: release(current),
      releases: kept.map(release),
      recreates: new Set(),
      unfinished: []
    },
    config: parseConfig(''),
    sections: nothing
  } as unknown as Parameters<typeof driftRows>[0]
  return driftRows(seen, undefined).find(({ name }) => name === 'way back')
}

test('after a rollback to the first release the newer ones are named', () => {
  expect(wayBack('r1', ['r1', 'r2', 'r3'])).toMatchObject({
    severity: 'hint',
    cause: 'newer ones are kept: r2, r3',
    next: "give the rollback one of them as 'release'"
  })
})

test('the first release has nothing to go back to', () => {
  expect(wayBack('r1', ['r1'])).toMatchObject({
    severity: 'hint',
    cause: 'there is one from the second deploy on'
  })
})
