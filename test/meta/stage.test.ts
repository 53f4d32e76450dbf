import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { actionNames, BUNDLE_FILES, bundledNames, prepareActions, WORKFLOWS } from '@diveops/build'
import { afterAll, beforeAll, expect, test } from '@jest/globals'

const RELEASE = {
  version: [1, 2, 3],
  author: { name: 'Ada', email: 'ada@example.org' },
  date: '2026-01-01T00:00:00Z',
  notes: 'Notes.'
} as const

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'diveops-stage-'))
})
afterAll(() => rm(folder, { recursive: true }))

test('publishes an action as its own repository, and nothing else', async () => {
  const prepared = await prepareActions(folder, RELEASE)
  const actions = prepared.filter(({ name }) => name !== WORKFLOWS)
  expect(actions.map(({ name }) => name).sort()).toEqual(await actionNames())
  const bundled = await bundledNames()
  for (const { name, files } of actions) {
    const expected = ['LICENSE', 'README.md', 'action.yml']
    if (bundled.includes(name)) {
      expected.push('dist')
      expect(await readdir(path.join(files, 'dist'))).toEqual([...BUNDLE_FILES])
    }
    expect((await readdir(files)).sort()).toEqual(expected)
    const [metadata, readme] = await Promise.all(
      ['action.yml', 'README.md'].map(file => readFile(path.join(files, file), 'utf8'))
    )
    expect(metadata).not.toContain('../')
    expect(readme).not.toContain('](../')
    const uses = (metadata as string).match(/uses: .*/g) ?? []
    for (const line of uses) {
      expect(line).toMatch(/^uses: diveops\/[a-z-]+@[0-9a-f]{40} # v1\.2\.3$/)
    }
  }
})

test('publishes the workflows where others can call them, with links that lead somewhere', async () => {
  const prepared = await prepareActions(folder, RELEASE)
  const { files } = prepared.find(({ name }) => name === WORKFLOWS) as { files: string }
  expect((await readdir(files)).sort()).toEqual(['.github', 'LICENSE', 'README.md'])
  expect(await readdir(path.join(files, '.github/workflows'))).toContain('deploy.yml')
  const readme = await readFile(path.join(files, 'README.md'), 'utf8')
  expect(readme).toContain('/blob/v1.2.3/workflows-examples/deploy.yml)')
  for (const [, link] of readme.matchAll(/\]\(([^)]+)\)/g)) expect(link).toMatch(/^https:/)
})

test('the same content gives the same commits', async () => {
  const [first, second] = await Promise.all(
    ['one', 'two'].map(name => prepareActions(path.join(folder, name), RELEASE))
  )
  expect(first?.map(({ commit }) => commit)).toEqual(second?.map(({ commit }) => commit))
})
