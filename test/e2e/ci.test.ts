import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { act, assembleExample, repositories, up } from '@diveops/lab'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { caller } from '../harness/readme.ts'

let folder: string

beforeAll(async () => {
  await up(() => {})
  folder = await assembleExample(['ci.yml'])
}, 900_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

test('ci.yml checks the example and builds its image without pushing it', async () => {
  const before = await repositories()
  const { code, output } = await act(folder, ['push'])
  expect(output).not.toContain('::error')
  expect(code).toBe(0)
  for (const tool of ['ruff', 'black', 'isort']) expect(output).toContain(`**${tool}**: clean`)
  expect(output).toMatch(/\*\*pytest\*\*: \d+ passed, 0 failed/)
  expect(output).toMatch(/\| total of \d+ files \|/)
  expect(output).toMatch(/ghcr\.io\/nestorwheelock\/django-diveops, not pushed, in/)
  expect(await repositories()).toEqual(before)
}, 600_000)

test('called from another repository as the README shows, it checks and does not build', async () => {
  const other = await assembleExample([])
  try {
    await writeFile(path.join(other, '.github/workflows/ci.yml'), caller('ci'))
    const { code, output } = await act(other, ['push'])
    expect(output).toMatch(/\*\*pytest\*\*: \d+ passed, 0 failed/)
    expect(output).not.toContain('not pushed')
    expect(code).toBe(0)
  } finally {
    await rm(other, { recursive: true, force: true })
  }
}, 600_000)

test('by hand for the checks only: all four tools complain at their lines, and it fails', async () => {
  await writeFile(path.join(folder, 'tests/test_bad.py'), BAD)
  const { code, output } = await act(folder, ['workflow_dispatch', '--input', 'checks-only=true'])
  expect(code).not.toBe(0)
  expect(output).toMatch(/::error title=ruff \(F401\),file=\S*tests\/test_bad\.py,line=2,/i)
  expect(output).toContain('::error title=black,file=tests/test_bad.py,line=')
  expect(output).toContain('::error title=isort,file=tests/test_bad.py,line=1::')
  expect(output).toContain('file=tests/test_bad.py,line=5::AssertionError')
  expect(output).toMatch(/\*\*pytest\*\*: \d+ passed, 1 failed/)
}, 600_000)

const BAD = `import sys
import os

def test_bad():
    assert sys.maxsize == 'deep'
`
