import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { NoOperationTraceWriter } from '@actions/workflow-parser'
import { parseAction } from '@actions/workflow-parser/actions/action-parser'
import {
  actionFolder,
  actionNames,
  type Metadata,
  outdatedReadmes,
  publishedMetadata,
  readMetadata,
  root
} from '@diveops/build'
import { describe, expect, test } from '@jest/globals'

const names = await actionNames()
const all = new Map<string, Metadata>()
for (const name of names) all.set(name, await readMetadata(name))

const metadata = (name: string) => all.get(name) as Metadata
const source = (name: string, file: string) =>
  readFileSync(path.join(actionFolder(name), file), 'utf8')
const inputNames = (name: string) => Object.keys(metadata(name).inputs ?? {}).sort()

const javascript = names.filter(name => metadata(name).runs.using === 'node24')
const composite = names.filter(name => metadata(name).runs.using === 'composite')

test('each action is one kind or the other', () => {
  expect([...javascript, ...composite].sort()).toEqual(names)
})

describe.each(names)('%s', name => {
  test('action.yml is valid for GitHub', () => {
    const file = { name: 'action.yml', content: source(name, 'action.yml') }
    const { context } = parseAction(file, new NoOperationTraceWriter())
    expect(context.errors.getErrors().map(String)).toEqual([])
  })

  test('every input and output is described, every yes or no has a default', () => {
    const { inputs = {}, outputs = {} } = metadata(name)
    for (const [key, { description, default: value }] of Object.entries(inputs)) {
      expect(`${key}: ${description}`).toMatch(/^[a-z-]+: .*[.!?)]$/s)
      if (/^(push|staging|plan-only|accept-.*)$/.test(key)) expect(value).toMatch(/^(true|false)$/)
    }
    for (const [key, { description }] of Object.entries(outputs)) {
      expect(`${key}: ${description}`).toMatch(/^[a-z-]+: .*[.!?)]$/s)
    }
  })

  test('has a README with its tables', async () => {
    const readme = source(name, 'README.md')
    for (const mark of ['inputs', 'outputs']) {
      expect(readme).toContain(`<!-- ${mark} -->\n`)
      expect(readme).toContain(`<!-- /${mark} -->\n`)
    }
    expect(await outdatedReadmes()).not.toContain(name)
  })
})

/** The names that a module passes to the readers of inputs: the first argument, a literal. */
function namesRead(code: string): string[] {
  return [...code.matchAll(/\w\(\s*'([a-z]+(?:-[a-z]+)*)'[,)]/g)].map(match => match[1] as string)
}

describe.each(javascript)('%s, a JavaScript action', name => {
  test('reads exactly the inputs of its action.yml', async () => {
    const module = await import(path.join(actionFolder(name), 'src/inputs.ts'))
    expect([...module.NAMES].sort()).toEqual(inputNames(name))
    const code = source(name, 'src/inputs.ts')
    const readers = {
      readHostInputs: 'host.ts',
      readRegistryLogin: 'registry.ts',
      readGitHubInputs: 'githubinputs.ts'
    }
    const shared = Object.entries(readers)
      .filter(([reader]) => code.includes(reader))
      .map(([, file]) => readFileSync(path.join(root, 'packages/core/src/action', file), 'utf8'))
      .join('')
    expect([...new Set(namesRead(code + shared))].sort()).toEqual(inputNames(name))
  })

  test('runs its bundle, published beside its action.yml', () => {
    const text = publishedMetadata(name, source(name, 'action.yml'), new Map())
    expect(text).toContain('main: dist/index.js')
    expect(text).not.toContain('../')
  })
})

describe.each(composite)('%s, a composite action', name => {
  const text = source(name, 'action.yml')
  const steps = metadata(name).runs.steps ?? []

  test('uses every input, and none that it does not have', () => {
    const used = [...text.matchAll(/\binputs\.([a-z-]+)/g)].map(match => match[1] as string)
    expect([...new Set(used)].sort()).toEqual(inputNames(name))
  })

  test('puts no expression into a shell', () => {
    for (const { run } of steps) expect(run ?? '').not.toContain('${{')
  })

  test('uses only our own actions, with inputs and outputs that they have', () => {
    for (const step of steps as { id?: string; uses?: string; with?: object }[]) {
      if (step.uses === undefined) continue
      const target = /^diveops\/([a-z-]+)@v1$/.exec(step.uses)?.[1] ?? step.uses
      expect(names).toContain(target)
      expect(inputNames(target)).toEqual(expect.arrayContaining(Object.keys(step.with ?? {})))
      const taken = [...text.matchAll(/steps\.([a-z]+)\.outputs\.([a-z-]+)/g)]
        .filter(match => match[1] === step.id)
        .map(match => match[2])
      expect(Object.keys(metadata(target).outputs ?? {})).toEqual(expect.arrayContaining(taken))
    }
  })

  test('hands its program only what that reads', () => {
    if (!existsSync(path.join(actionFolder(name), 'src'))) return
    const handed = [...text.matchAll(/INPUT_([A-Z_]+):/g)].map(match => match[1]?.toLowerCase())
    expect([...new Set(handed)].sort()).toEqual(
      [...new Set(namesRead(source(name, 'src/inputs.ts')))].sort()
    )
  })
})
