import { failures } from '@diveops/build/failures'
import { withTables } from '@diveops/build/readme'
import { counts, jestArguments } from '@diveops/build/test'
import { expect, test } from '@jest/globals'

const REPORT = {
  numPassedTests: 5,
  numFailedTests: 0,
  numPendingTests: 1,
  numTodoTests: 1,
  numRuntimeErrorTestSuites: 0
}

test('tests are counted from the report', () => {
  expect(counts(REPORT, 0)).toEqual({ passed: 5, failed: 0, skipped: 2 })
  expect(counts({ ...REPORT, numFailedTests: 2 }, 1).failed).toBe(2)
})

test('a suite that did not start, and a run that died, are failures', () => {
  expect(counts({ ...REPORT, numRuntimeErrorTestSuites: 1 }, 1).failed).toBe(1)
  expect(counts(REPORT, 1).failed).toBe(1)
  expect(counts(undefined, 137)).toEqual({ passed: 0, failed: 1, skipped: 0 })
})

test('a run ends with what failed, by its last words and without the stack', () => {
  const log = Array.from({ length: 40 }, (_, line) => `line ${line}`).join('\n')
  const report = {
    testResults: [
      {
        name: '/x/test/e2e/roll.test.ts',
        message: 'the whole report',
        assertionResults: [
          { fullName: 'a roll goes well', status: 'passed', failureMessages: [] },
          {
            fullName: 'a roll is undone',
            status: 'failed',
            failureMessages: [`Error: ${log}\n    at mustDeploy (/x/test/harness/tiny.ts:9:1)\n`]
          }
        ]
      },
      { name: '/x/test/e2e/disk.test.ts', message: 'it did not compile', assertionResults: [] }
    ]
  }
  const [roll = '', ...others] = failures(report)
  expect(roll.split('\n')[0]).toBe('failed: roll.test.ts: a roll is undone')
  expect(roll).toContain('line 39')
  expect(roll).not.toMatch(/line 3\n|mustDeploy/)
  expect(others).toEqual(['failed: disk.test.ts\n  it did not compile\n'])
})

test('labs are not shared by two processes', () => {
  expect(jestArguments(['e2e'], 'x')).toContain('--runInBand')
  expect(jestArguments(['unit', 'meta'], 'x')).not.toContain('--runInBand')
})

test('README tables come from action.yml', () => {
  const readme =
    '# x\n<!-- inputs -->\nold\n<!-- /inputs -->\n<!-- outputs -->\n<!-- /outputs -->\n'
  const metadata = {
    name: 'x',
    description: 'x',
    inputs: {
      url: { description: 'a|b\nc', required: true },
      t: { description: 'time', default: '60s' },
      o: { description: 'other' }
    },
    runs: { using: 'node24' }
  }
  expect(withTables(readme, metadata)).toBe(`# x
<!-- inputs -->
| Input | Default | Meaning |
|---|---|---|
| \`url\` | required | a\\|b c |
| \`t\` | \`60s\` | time |
| \`o\` |  | other |
<!-- /inputs -->
<!-- outputs -->
None.
<!-- /outputs -->
`)
})
