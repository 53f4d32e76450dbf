import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { BUNDLE_FILES, bundledNames, root, staleBundles } from '@diveops/build'
import { describe, expect, test } from '@jest/globals'
import { runAction } from '../harness/action.ts'

const names = await bundledNames()
const SMALL = ['build-push', 'healthcheck-wait']

test('dist holds the bundles and nothing else', () => {
  expect(readdirSync(path.join(root, 'dist')).sort()).toEqual(names)
})

test("dist is up to date, else run 'npm run build'", async () => {
  expect(await staleBundles()).toEqual([])
})

describe.each(names)('%s', name => {
  const dist = path.join(root, 'dist', name)

  test('three files', () => {
    expect(readdirSync(dist).sort()).toEqual([...BUNDLE_FILES])
  })

  test('starts on Node 24, and fails with one line when nothing is given', async () => {
    const { code, log } = await runAction(name, {})
    expect(code).toBe(1)
    expect(log.split('\n').filter(line => line.startsWith('::error::'))).toHaveLength(1)
    expect(log).not.toMatch(/^\s+at /m)
  })

  test('downloads no program at run time', () => {
    expect(readFileSync(path.join(dist, 'index.js'), 'utf8')).not.toMatch(/\bdownloadTool\b/)
  })
})

test.each(SMALL.filter(name => names.includes(name)))('%s is under 1.2 MB', name => {
  expect(statSync(path.join(root, 'dist', name, 'index.js')).size).toBeLessThan(1.2e6)
})
