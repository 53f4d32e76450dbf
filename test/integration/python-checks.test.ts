import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { runAction } from '../harness/action.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'diveops-python-'))
  await mkdir(path.join(folder, 'venv/bin'), { recursive: true })
  await writeFile(path.join(folder, 'requirements.txt'), '')
  await tool('python', 'exit 0')
})
afterEach(() => rm(folder, { recursive: true }))

/** A tool of the project that does what the shell script says. */
async function tool(name: string, script: string) {
  const file = path.join(folder, 'venv/bin', name)
  await writeFile(file, `#!/bin/sh\n${script}\n`)
  await chmod(file, 0o755)
}

function step(name: string, env: Record<string, string> = {}) {
  const places = { GITHUB_WORKSPACE: folder, INPUT_VENV: path.join(folder, 'venv') }
  return runAction('python-checks', {}, { words: [name], env: { ...places, ...env } })
}

function errors(log: string): string[] {
  return log.split('\n').filter(line => line.startsWith('::error'))
}

test('a clean project', async () => {
  for (const name of ['ruff', 'black', 'isort']) {
    await tool(name, 'exit 0')
    const { code, summary } = await step(name)
    expect({ code, summary }).toEqual({ code: 0, summary: `- **${name}**: clean\n` })
  }
})

test.each([
  [
    'ruff',
    'is not installed',
    undefined,
    "'ruff' is not installed: add a line 'ruff' to requirements.txt"
  ],
  [
    'pytest',
    'has no pytest-cov',
    undefined,
    "'pytest-cov' is not installed: add a line 'pytest-cov'"
  ],
  [
    'ruff',
    'has a bad configuration',
    'echo "ruff failed: bad key" >&2; exit 2',
    'ruff ended with exit code 2: ruff failed: bad key'
  ],
  [
    'black',
    'crashes',
    'echo "Error: boom" >&2; exit 123',
    'black ended with exit code 123: Error: boom'
  ],
  ['pytest', 'finds no tests', 'exit 5', 'pytest found no tests'],
  [
    'pytest',
    'has too little coverage',
    'echo "FAIL Required test coverage of 90% not reached. Total coverage: 50.00%"; exit 1',
    'Required test coverage of 90%25 not reached. Total coverage: 50.00%25'
  ]
])('%s %s: one line', async (name, _case, script, message) => {
  if (script) await tool(name, script)
  else await tool('python', 'exit 1')
  const { code, log } = await step(name)
  expect(code).toBe(1)
  expect(errors(log)).toHaveLength(1)
  expect(errors(log)[0]).toContain(message)
})

test('black: a file that it would change and one that it cannot read', async () => {
  await tool(
    'black',
    `printf -- '--- %s/app/a.py\\t2026\\n+++ x\\t2026\\n@@ -3,2 +3,2 @@\\n x\\n-y\\n+z\\n' '${folder}'
    echo 'error: cannot format app/b.py: Cannot parse for target version Python 3.13: 7:4: def (' >&2
    exit 123`
  )
  const { code, log, summary } = await step('black')
  expect(code).toBe(1)
  expect(errors(log)).toEqual([
    '::error title=black,file=app/b.py,line=7::Cannot parse for target version Python 3.13: 7:4: def (',
    "::error title=black,file=app/a.py,line=4::black would change this file in 1 place: run 'black .'",
    '::error::black found 2 files to mend'
  ])
  expect(summary).toBe('- **black**: 2 files to mend\n')
})

test.each([
  [{ INPUT_DIRECTORY: 'no/such' }, "input 'working-directory': got 'no/such'"],
  [{ INPUT_REQUIREMENTS: 'dev.txt' }, "input 'requirements': there is no file 'dev.txt'"],
  [{ INPUT_PYTHON: 'python-9' }, "'python-9' is not installed on this runner"]
])('install with %j: one line', async (env, message) => {
  const { code, log } = await step('install', env)
  expect(code).toBe(1)
  expect(errors(log)).toHaveLength(1)
  expect(errors(log)[0]).toContain(message)
})

test('install without requirements', async () => {
  await rm(path.join(folder, 'requirements.txt'))
  const { log } = await step('install')
  expect(errors(log)[0]).toContain("no requirements: there is none of 'requirements/dev.txt'")
})
