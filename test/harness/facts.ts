import type { Facts } from '../../packages/core/src/deploy/facts.ts'

/** What is read of a good host without an app, by a clock that agrees with `now`, in milliseconds. */
export function factsAt(now: number): Facts {
  return {
    user: 'deploy',
    groups: ['deploy', 'docker'],
    clock: now / 1000,
    engine: { text: '26.1.5', code: 0 },
    compose: { text: '2.26.1-4', code: 0 },
    missingTools: [],
    path: 'writable',
    freeKb: { path: 9e6, images: 9e6 },
    env: undefined,
    current: undefined,
    releases: [],
    unfinished: [],
    broken: undefined,
    brokenFiles: {},
    liveFiles: new Map(),
    config: { project: { name: 'app', services: {} }, error: '' },
    containers: [],
    missingImages: [],
    volumes: [],
    listening: [],
    front: undefined,
    nginx: undefined,
    memoryKb: { available: 1e6, services: new Map() },
    certificates: new Map(),
    renewal: undefined,
    recreates: new Set(),
    editedVariables: []
  }
}
