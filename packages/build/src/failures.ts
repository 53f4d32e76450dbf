import path from 'node:path'
import { stripVTControlCharacters } from 'node:util'

/** What jest's --json says of the tests of each file; a file that could not start has a message alone. */
export interface FailureReport {
  testResults: readonly {
    name: string
    message: string
    assertionResults: readonly {
      fullName: string
      status: string
      failureMessages: readonly string[] | null
    }[]
  }[]
}

/** What an action said before it failed stands above, in jest's own report; its last words are enough here. */
const LINES = 25

/**
 * What failed, a text for each: the file, the test's name and the end of what it said, so that who reads
 * only the end of a long run knows why.
 */
export function failures({ testResults }: FailureReport): string[] {
  return testResults.flatMap(({ name, message, assertionResults }) => {
    const file = path.basename(name)
    const failed = assertionResults.filter(({ status }) => status === 'failed')
    if (assertionResults.length === 0 && message !== '') return [text(file, message)]
    return failed.map(one =>
      text(`${file}: ${one.fullName}`, (one.failureMessages ?? []).join('\n'))
    )
  })
}

function text(title: string, message: string): string {
  const lines = stripVTControlCharacters(message)
    .split('\n')
    .filter(line => line.trim() !== '' && !/^ +at .*[:(]/.test(line))
  return [`failed: ${title}`, ...lines.slice(-LINES).map(line => `  ${line}`), ''].join('\n')
}
