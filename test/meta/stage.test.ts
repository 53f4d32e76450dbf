import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { actionNames, BUNDLE_FILES, bundledNames, stageActions } from '@diveops/build'
import { expect, test } from '@jest/globals'

test('publishes an action as its own repository, and nothing else', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'diveops-stage-'))
  try {
    expect(await stageActions(folder)).toEqual(await actionNames())
    const bundled = await bundledNames()
    for (const name of await actionNames()) {
      const files = await readdir(path.join(folder, name))
      const expected = ['LICENSE', 'README.md', 'action.yml']
      if (bundled.includes(name)) {
        expected.push('dist')
        expect(await readdir(path.join(folder, name, 'dist'))).toEqual([...BUNDLE_FILES])
      }
      expect(files.sort()).toEqual(expected)
      const metadata = await readFile(path.join(folder, name, 'action.yml'), 'utf8')
      expect(metadata).not.toContain('../')
    }
  } finally {
    await rm(folder, { recursive: true })
  }
})
