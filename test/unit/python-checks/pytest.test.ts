import { expect, test } from '@jest/globals'
import { coverageTable } from '../../../actions/python-checks/src/coverage.ts'
import { parseReport } from '../../../actions/python-checks/src/junit.ts'

const REPORT = `<?xml version="1.0" encoding="utf-8"?>
<testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="2" tests="6">
<testcase classname="tests.test_a" name="test_ok" file="tests/test_a.py" line="5" time="0.1" />
<testcase classname="tests.test_a" name="test_deep" file="tests/test_a.py" line="9">
<failure message="AssertionError: not deep">def test_deep():
&gt;       assert value == "deep"
E       AssertionError: not deep
E         enough

tests/test_a.py:12: AssertionError</failure></testcase>
<testcase classname="tests.test_a" name="test_raise" file="tests/test_a.py" line="19">
<failure message="TypeError">tests/test_a.py:21: 
_ _ _

E       TypeError: '&gt;' not supported

app/dives.py:6: TypeError</failure></testcase>
<testcase classname="tests.test_a" name="test_skip" file="tests/test_a.py" line="14">
<skipped type="pytest.skip" message="unconditional skip">x</skipped></testcase>
<testcase classname="" name="tests.test_b" time="0.0"><error message="collection failure">
ImportError while importing test module '/w/tests/test_b.py'.
tests/test_b.py:1: in &lt;module&gt;
    import nothing_here
E   ModuleNotFoundError: No module named 'nothing_here'</error></testcase>
<testcase classname="" name="tests.test_c"><error message="collection failure">
E     File "/w/tests/test_c.py", line 3
E       def (
E   SyntaxError: invalid syntax</error></testcase>
</testsuite></testsuites>`

test('failures with their reason, at the line of the test where they happened', () => {
  expect(parseReport(REPORT)).toEqual({
    passed: 1,
    skipped: 1,
    failures: [
      {
        name: 'tests.test_a.test_deep',
        message: 'AssertionError: not deep\n  enough',
        file: 'tests/test_a.py',
        line: 12
      },
      {
        name: 'tests.test_a.test_raise',
        message: "TypeError: '>' not supported",
        file: 'tests/test_a.py',
        line: 21
      },
      {
        name: 'tests.test_b',
        message: "ModuleNotFoundError: No module named 'nothing_here'",
        file: 'tests/test_b.py',
        line: 1
      },
      {
        name: 'tests.test_c',
        message: 'File "/w/tests/test_c.py", line 3\n    def (\nSyntaxError: invalid syntax',
        file: '/w/tests/test_c.py',
        line: 3
      }
    ]
  })
})

test('an empty report', () => {
  const xml = '<?xml version="1.0"?><testsuites><testsuite name="pytest" tests="0" /></testsuites>'
  expect(parseReport(xml)).toEqual({ passed: 0, skipped: 0, failures: [] })
})

const summary = (lines: number, missing: number) => ({
  num_statements: lines,
  missing_lines: missing,
  percent_covered: (100 * (lines - missing)) / lines
})

test('coverage: the least covered first, the rest counted', () => {
  const table = coverageTable({
    files: {
      'a.py': { summary: summary(10, 1) },
      'b.py': { summary: summary(20, 5) },
      'c.py': { summary: summary(3, 0) }
    },
    totals: summary(3000, 1)
  })
  expect(table.split('\n')).toEqual([
    '| File | Lines | Not covered | Covered |',
    '|---|---|---|---|',
    '| b.py | 20 | 5 | 75.0 % |',
    '| a.py | 10 | 1 | 90.0 % |',
    '| 1 more with less to cover or none |  |  |  |',
    '| total of 3 files | 3000 | 1 | 99.9 % |'
  ])
})
