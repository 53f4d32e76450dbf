import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type FailureReport, failures } from './failures.ts'
import { onLabs } from './labs.ts'
import { root } from './paths.ts'
import { show } from './run.ts'

/** The phases in their order; a phase is the folders of test/ that run in one go. */
const PHASES: readonly (readonly string[])[] = [['unit', 'meta'], ['integration'], ['e2e']]

interface Counts {
  passed: number
  failed: number
  skipped: number
}

/** What came of some tests: their counts, and of each that failed a text that says why. */
interface Result extends Counts {
  failures: string[]
}

/** What jest's --json says of a run. */
interface Report {
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
  numTodoTests: number
  numRuntimeErrorTestSuites: number
}

/**
 * Runs the phases, all or the named ones, and ends with what failed, the phases' times and the line
 * `N passed, N failed`.
 */
export async function test(words: string[]): Promise<number> {
  const known = PHASES.flat()
  const unknown = words.find(word => !known.includes(word))
  if (unknown !== undefined) {
    throw new Error(`unknown phase '${unknown}', expected some of: ${known.join(' ')}`)
  }
  const wanted = words.length > 0 ? words : known
  const sum = nothing()
  const times: string[] = []
  for (const phase of PHASES) {
    const folders = phase.filter(folder => wanted.includes(folder))
    if (folders.length === 0) continue
    const started = performance.now()
    const result = await (folders.includes('e2e') ? runOnLabs() : runPhase(folders))
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    times.push(`${folders.join(' and ')}: ${seconds} s, ${sentence(result)}`)
    add(sum, result)
  }
  console.log(['', ...sum.failures, ...times, sentence(sum)].join('\n'))
  return sum.failed > 0 || sum.passed === 0 ? 1 : 0
}

/** How many moments of a deploy each way to die strikes at in the whole kill test. */
const MOMENTS = '30'

/** Runs the whole kill test, of which `npm test` has a part; takes hours. */
export async function faults(): Promise<number> {
  process.env.DIVEOPS_KILLS ??= MOMENTS
  const result = await runPhase(['e2e/kill.test.ts'])
  console.log(['', ...result.failures, sentence(result)].join('\n'))
  return result.failed > 0 || result.passed === 0 ? 1 : 0
}

/** Runs test/e2e, on several labs at once. */
async function runOnLabs(): Promise<Result> {
  console.log('\n=== e2e ===')
  const temporary = await mkdtemp(path.join(tmpdir(), 'diveops-test-'))
  const report = (file: string) => path.join(temporary, `${path.basename(file)}.json`)
  const sum = nothing()
  try {
    await onLabs(
      async file => jestArguments([file], report(file)),
      async (file, code) => add(sum, result(await readReport(report(file)), code))
    )
    return sum
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

const nothing = (): Result => ({ passed: 0, failed: 0, skipped: 0, failures: [] })

function result(report: (Report & FailureReport) | undefined, code: number): Result {
  return { ...counts(report, code), failures: report ? failures(report) : [] }
}

function add(sum: Result, { passed, failed, skipped, failures }: Result): void {
  sum.passed += passed
  sum.failed += failed
  sum.skipped += skipped
  sum.failures.push(...failures)
}

async function runPhase(folders: readonly string[]): Promise<Result> {
  console.log(`\n=== ${folders.join(' and ')} ===`)
  const temporary = await mkdtemp(path.join(tmpdir(), 'diveops-test-'))
  const file = path.join(temporary, 'report.json')
  try {
    const code = show('node', jestArguments(folders, file))
    return result(await readReport(file), code)
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

/** The arguments of node that run jest on folders of test/. A lab is shared: e2e runs in one process. */
export function jestArguments(folders: readonly string[], outputFile: string): string[] {
  return [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    path.join(root, 'node_modules/jest/bin/jest.js'),
    '--json',
    `--outputFile=${outputFile}`,
    '--passWithNoTests',
    ...(folders.some(folder => folder.startsWith('e2e')) ? ['--runInBand'] : []),
    '--testPathPatterns',
    ...folders.map(folder => `/test/${folder}${folder.endsWith('.ts') ? '$' : '/'}`)
  ]
}

async function readReport(file: string): Promise<(Report & FailureReport) | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Report & FailureReport
  } catch {
    return undefined
  }
}

/** Suites that could not even start count as a failure each, as does jest itself when it died. */
export function counts(report: Report | undefined, code: number): Counts {
  const sum: Counts = {
    passed: report?.numPassedTests ?? 0,
    failed: (report?.numFailedTests ?? 0) + (report?.numRuntimeErrorTestSuites ?? 0),
    skipped: (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0)
  }
  if (code !== 0 && sum.failed === 0) sum.failed = 1
  return sum
}

function sentence({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}
