import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { act, assembleExample, repositories, up } from '@diveops/lab'
import { afterAll, beforeAll, expect, test } from '@jest/globals'

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

test('all four tools complain at their lines, and the job fails', async () => {
  await writeFile(path.join(folder, 'tests/test_bad.py'), BAD)
  const { code, output } = await act(folder, ['push', '--job', 'checks'])
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
