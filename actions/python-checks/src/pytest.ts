import { existsSync } from 'node:fs'
import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { annotate } from '@diveops/core/action/annotate'
import { runLocal } from '@diveops/core/action/local'
import { setOutputs } from '@diveops/core/action/outputs'
import { appendSummary } from '@diveops/core/action/summary'
import { UserError } from '@diveops/core/base/errors'
import { type Coverage, coverageTable, percent } from './coverage.ts'
import type { Inputs } from './inputs.ts'
import { parseReport, type Report } from './junit.ts'
import { conclude, count, missing, runTool, type Step } from './tool.ts'

/** Exit codes of pytest that are no test's fault. */
const CAUSES: Record<number, string> = {
  3: 'pytest had an internal error',
  4: 'pytest does not understand its own options: see its configuration',
  5: 'pytest found no tests'
}

/** Runs pytest with coverage. */
export const pytest: Step = async (inputs, log) => {
  const folder = await mkdtemp(path.join(process.env.RUNNER_TEMP || tmpdir(), 'diveops-pytest-'))
  const junit = path.join(folder, 'junit.xml')
  const coverage = path.join(folder, 'coverage.json')
  await requireCoverage(inputs)
  const { code, stdout } = await runTool(inputs, log, 'pytest', [
    '--cov',
    '--cov-report=term:skip-covered',
    `--cov-report=json:${coverage}`,
    `--junitxml=${junit}`,
    // The only family that tells each test's file.
    '--override-ini=junit_family=xunit1'
  ])
  const report = existsSync(junit) ? parseReport(await readFile(junit, 'utf8')) : undefined
  if (report) annotateFailures(inputs, report)
  await conclude('pytest', report ? sentence(report) : 'did not run')
  if (existsSync(coverage)) {
    const measured = JSON.parse(await readFile(coverage, 'utf8')) as Coverage
    setOutputs({ coverage: percent(measured.totals) })
    await appendSummary(`\n${coverageTable(measured)}`)
  }
  if (code !== 0) throw new UserError(cause(code, stdout, report))
}

async function requireCoverage({ venv, requirements }: Inputs): Promise<void> {
  const { code } = await runLocal([path.join(venv, 'bin/python'), '-c', 'import pytest_cov'])
  if (code !== 0) throw missing('pytest-cov', requirements)
}

function annotateFailures({ directory }: Inputs, { failures }: Report): void {
  for (const { name, message, file, line } of failures) {
    const title = `pytest: ${name}`
    annotate({ title, message, file: path.resolve(directory, file ?? '.'), line })
  }
}

function sentence({ passed, skipped, failures }: Report): string {
  return `${passed} passed, ${failures.length} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

function cause(code: number, stdout: string, report: Report | undefined): string {
  if (report && report.failures.length > 0) {
    return `pytest: ${count(report.failures.length, 'test')} failed`
  }
  const coverage = /^(?:FAIL|ERROR:?) (Required test coverage.*|Coverage failure.*)$/m.exec(
    stdout
  )?.[1]
  return coverage ?? CAUSES[code] ?? `pytest ended with exit code ${code}`
}
