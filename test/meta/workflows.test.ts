import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import {
  convertWorkflowTemplate,
  NoOperationTraceWriter,
  parseWorkflow
} from '@actions/workflow-parser'
import { actionNames, readMetadata, root } from '@diveops/build'
import { describe, expect, test } from '@jest/globals'
import { parse } from 'yaml'

interface Step {
  uses?: string
  run?: string
  with?: Record<string, string>
}

interface Workflow {
  permissions?: object
  concurrency?: { 'cancel-in-progress': boolean }
  jobs: Record<string, { permissions?: object; steps?: Step[] }>
}

const FOLDER = path.join(root, 'workflows-examples')
const files = readdirSync(FOLDER).filter(name => name.endsWith('.yml'))
const actions = await actionNames()

describe.each(files)('%s', name => {
  const content = readFileSync(path.join(FOLDER, name), 'utf8')
  const workflow = parse(content) as Workflow
  const steps = Object.values(workflow.jobs).flatMap(job => job.steps ?? [])

  test('is valid for GitHub', async () => {
    const { context, value } = parseWorkflow({ name, content }, new NoOperationTraceWriter())
    if (value) await convertWorkflowTemplate(context, value)
    expect(context.errors.getErrors().map(String)).toEqual([])
  })

  test('uses only our actions and a checkout pinned by its commit', async () => {
    for (const { uses = '', with: given = {} } of steps) {
      const own = /^diveops\/([a-z-]+)@v1$/.exec(uses)?.[1]
      if (own === undefined) {
        expect(uses).toMatch(/^actions\/checkout@[0-9a-f]{40}$/)
        expect(content).toMatch(new RegExp(`${uses} # v\\d+\\.\\d+\\.\\d+\n`))
        expect(given['persist-credentials']).toBe(false)
      } else {
        expect(actions).toContain(own)
        const { inputs = {} } = await readMetadata(own)
        expect(Object.keys(inputs)).toEqual(expect.arrayContaining(Object.keys(given)))
        const required = Object.keys(inputs).filter(key => inputs[key]?.required)
        expect(Object.keys(given)).toEqual(expect.arrayContaining(required))
      }
    }
  })

  test('asks for no permission that it does not name', () => {
    expect(workflow.permissions).toEqual({})
    for (const job of Object.values(workflow.jobs)) expect(job.permissions).toBeDefined()
  })

  test('never cancels a run that changes the server', () => {
    const changes = steps.some(({ uses = '' }) => /deploy-vps|setup-ssl|rollback|ship/.test(uses))
    if (changes) expect(workflow.concurrency?.['cancel-in-progress']).toBe(false)
  })

  test('fits on a screen', () => {
    expect(content.split('\n').length).toBeLessThan(70)
  })
})
