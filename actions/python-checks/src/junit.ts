import { XMLParser } from 'fast-xml-parser'

/** What pytest's JUnit report says of a run. */
export interface Report {
  passed: number
  skipped: number
  failures: Failure[]
}

/** A test, or a file that could not be collected, that went wrong. */
export interface Failure {
  name: string
  message: string
  /** Relative to the folder where pytest ran, or absolute; undefined when nobody tells. */
  file: string | undefined
  line: number | undefined
}

interface Trouble {
  '@message'?: string
  '#text'?: string
}

interface TestCase {
  '@name': string
  '@classname'?: string
  '@file'?: string
  '@line'?: string
  failure?: Trouble[]
  error?: Trouble[]
  skipped?: unknown
}

const PARSER = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  parseAttributeValue: false,
  parseTagValue: false,
  isArray: name => ['testsuite', 'testcase', 'failure', 'error'].includes(name)
})

/** Reads a report of the family xunit1, which knows each test's file. */
export function parseReport(xml: string): Report {
  const suites: { testcase?: TestCase[] }[] = PARSER.parse(xml).testsuites?.testsuite ?? []
  const cases = suites.flatMap(suite => suite.testcase ?? [])
  const failures = cases.flatMap(test =>
    [...(test.failure ?? []), ...(test.error ?? [])].map(trouble => describe(test, trouble))
  )
  const skipped = cases.filter(test => test.skipped !== undefined).length
  const bad = cases.filter(test => test.failure ?? test.error).length
  return { passed: cases.length - skipped - bad, skipped, failures }
}

function describe(test: TestCase, trouble: Trouble): Failure {
  const text = trouble['#text'] ?? ''
  const place = placeOf(text, test['@file'])
  return {
    name: [test['@classname'], test['@name']].filter(Boolean).join('.'),
    message: reason(text) || (trouble['@message'] ?? 'failed'),
    file: place?.file ?? test['@file'],
    line: place?.line ?? (test['@line'] === undefined ? undefined : Number(test['@line']) + 1)
  }
}

/** Pytest marks with `E` the lines that say what went wrong; what they are all indented by goes. */
function reason(text: string): string {
  const lines = [...text.matchAll(/^E( .*)$/gm)].map(match => match[1] as string)
  const indents = lines.filter(line => line.trim() !== '').map(line => line.search(/\S/))
  return lines
    .map(line => line.slice(Math.min(...indents)))
    .join('\n')
    .trim()
}

/** The line of the test itself where it went wrong, or the last one of the traceback. */
function placeOf(text: string, own: string | undefined) {
  const syntax = [...text.matchAll(/^E +File "(.+?)", line (\d+)$/gm)]
  const traced = [...text.matchAll(/^(\S.*?\.py):(\d+): /gm)]
  const places = [...traced, ...syntax].map(([, file, line]) => ({
    file: file as string,
    line: Number(line)
  }))
  return places.filter(({ file }) => file === own).at(-1) ?? places.at(-1)
}
