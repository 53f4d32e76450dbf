import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import {
  convertWorkflowTemplate,
  NoOperationTraceWriter,
  parseWorkflow
} from '@actions/workflow-parser'
import { root } from '@diveops/build'
import { describe, expect, test } from '@jest/globals'
import { parse } from 'yaml'

interface Step {
  uses?: string
  run?: string
  with?: Record<string, string | boolean>
}

interface Job {
  permissions?: object
  'timeout-minutes'?: number
  steps?: Step[]
}

interface Workflow {
  permissions?: object
  concurrency?: { 'cancel-in-progress': boolean }
  jobs: Record<string, Job>
}

const OURS = '.github/workflows'

const files = (folder: string) =>
  readdirSync(path.join(root, folder))
    .filter(name => name.endsWith('.yml'))
    .map(name => `${folder}/${name}`)

const read = (file: string) => readFileSync(path.join(root, file), 'utf8')

describe.each(files(OURS))('%s', name => {
  const content = read(name)
  const workflow = parse(content) as Workflow

  test('is valid for GitHub', async () => {
    const { context, value } = parseWorkflow({ name, content }, new NoOperationTraceWriter())
    if (value) await convertWorkflowTemplate(context, value)
    expect(context.errors.getErrors().map(String)).toEqual([])
  })

  test('asks for no permission that it does not name', () => {
    expect(workflow.permissions).toEqual({})
    for (const job of Object.values(workflow.jobs)) expect(job.permissions).toBeDefined()
  })
})

describe.each(files(OURS))('%s', name => {
  const content = read(name)
  const { concurrency, jobs } = parse(content) as Workflow

  test('ends, one run at a time', () => {
    expect(concurrency).toBeDefined()
    for (const job of Object.values(jobs)) expect(job['timeout-minutes']).toBeGreaterThan(0)
  })

  test('uses nothing but a checkout pinned by its commit, which leaves no token behind', () => {
    for (const { uses, with: given = {} } of Object.values(jobs).flatMap(job => job.steps ?? [])) {
      if (uses === undefined) continue
      expect(uses).toMatch(/^actions\/checkout@[0-9a-f]{40}$/)
      expect(content).toMatch(new RegExp(`${uses} # v\\d+\\.\\d+\\.\\d+\n`))
      expect(given['persist-credentials']).toBe(false)
    }
  })
})
