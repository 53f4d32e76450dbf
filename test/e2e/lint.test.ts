import path from 'node:path'
import { lint, lintFolder } from '@diveops/lab'
import { beforeAll, expect, test } from '@jest/globals'
import { temporaryFolder } from '../harness/temporary.ts'
import { put } from '../harness/tiny.ts'

const BUILD_TIME = 600_000

test(
  'our workflows, those to copy and the published actions are clean',
  async () => {
    expect(await lint(() => {})).toEqual([])
  },
  BUILD_TIME
)

const WORKFLOW = `on: [push, workflow_dispatch]
permissions: {}
jobs:
  one:
    runs-on: ubuntu-latest
    permissions: {}
    steps:
      - uses: actions/checkout@v5
      - run: echo $GITHUB_SHA
      - run: echo '\${{ github.event.head_commit.message }}'
      - run: echo '\${{ inputs.absent }}'
`

const JAVASCRIPT = `name: javascript
description: An action.
runs: { using: node12, main: absent.js }
`

const COMPOSITE = `name: composite
description: An action.
inputs: { word: { description: A word., required: true } }
runs:
  using: composite
  steps:
    - run: echo '\${{ inputs.word }}'
      shell: sh
    - run: cd $HOME
      shell: sh
`

const DEPENDABOT = `version: 2
updates:
  - { package-ecosystem: npm, directory: /, schedule: { interval: weekly } }
`

let folder: string
beforeAll(async () => {
  folder = await temporaryFolder('lint')
  await put(folder, 'repository/.github/workflows/one.yml', WORKFLOW)
  await put(folder, 'repository/.github/dependabot.yml', DEPENDABOT)
  await put(folder, 'repository/workflows-examples/two.yml', 'on: push\njobs: {}\n')
  await put(folder, 'actions/javascript/action.yml', JAVASCRIPT)
  await put(folder, 'actions/composite/action.yml', COMPOSITE)
})

test(
  'faults of every kind are found',
  async () => {
    const place = (name: string) => path.join(folder, name)
    const findings = await lintFolder(place('repository'), place('actions'), () => {})
    const one = '\\.github/workflows/one\\.yml'
    for (const expected of [
      `^${one}:8: .*not pinned to a hash.* \\[unpinned-uses\\]`,
      `^${one}:8: .* \\[artipacked\\]`,
      `^${one}:9:.*SC2086.*Double quote`,
      `^${one}:10:.*"github\\.event\\.head_commit\\.message" is potentially untrusted`,
      `^${one}:10: .* \\[template-injection\\]`,
      `^${one}:11:.*property "absent" is not defined`,
      '^workflows-examples/two\\.yml:.*"jobs" section',
      'node12',
      'absent\\.js',
      '^actions/composite/action\\.yml:7: .* \\[template-injection\\]',
      '^scripts/composite-2\\.sh:2:.*SC2086',
      '^\\.github/dependabot\\.yml:3: .* \\[dependabot-cooldown\\]'
    ]) {
      expect(findings.join('\n')).toMatch(new RegExp(expected, 'm'))
    }
  },
  BUILD_TIME
)
