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
  with?: Record<string, string | boolean>
}

interface Input {
  type: string
  required?: boolean
  options?: string[]
  description?: string
}

interface Job {
  uses?: string
  with?: Record<string, unknown>
  secrets?: Record<string, string>
  permissions?: object
  environment?: unknown
  'timeout-minutes'?: number
  steps?: Step[]
}

interface Called {
  inputs: Record<string, Input>
  secrets?: Record<string, { required?: boolean }>
}

interface Workflow {
  on: {
    pull_request?: null
    workflow_dispatch?: { inputs?: Record<string, Input> }
    workflow_call?: Called
  }
  permissions?: object
  concurrency?: { group: string; 'cancel-in-progress': boolean }
  jobs: Record<string, Job>
}

const FOLDER = path.join(root, 'workflows-examples')
const CALL = /^diveops\/workflows\/\.github\/workflows\/([a-z-]+\.yml)@v1$/
const shared = readdirSync(FOLDER).filter(name => name.endsWith('.yml'))
const own = readdirSync(FOLDER, { recursive: true })
  .map(String)
  .filter(name => /^[^/]+\/\.github\/workflows\/[^/]+\.yml$/.test(name))
const actions = await actionNames()

function read(name: string): { content: string; workflow: Workflow; steps: Step[] } {
  const content = readFileSync(path.join(FOLDER, name), 'utf8')
  const workflow = parse(content) as Workflow
  return { content, workflow, steps: Object.values(workflow.jobs).flatMap(job => job.steps ?? []) }
}

async function validate(name: string, content: string): Promise<string[]> {
  const { context, value } = parseWorkflow({ name, content }, new NoOperationTraceWriter())
  if (value) await convertWorkflowTemplate(context, value)
  return context.errors.getErrors().map(String)
}

function namesIn(content: string, context: string): string[] {
  const found = content.matchAll(new RegExp(`\\b${context}\\.([A-Za-z_-]+)`, 'g'))
  return [...new Set([...found].map(match => match[1] as string))].sort()
}

function changesServer(steps: readonly Step[]): boolean {
  // YAML's own true: an expression could come out as something else.
  return steps.some(
    ({ uses = '', with: given = {} }) =>
      /deploy-vps|setup-ssl|rollback|ship/.test(uses) && given['plan-only'] !== true
  )
}

describe.each([...shared, ...own])('%s', name => {
  const { content, workflow, steps } = read(name)
  const jobs = Object.values(workflow.jobs)

  test('is valid for GitHub', async () => {
    expect(await validate(name, content)).toEqual([])
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

  test('asks for no permission that it does not name, and ends some time', () => {
    const calls = jobs.some(({ uses }) => uses !== undefined)
    expect(workflow.permissions).toEqual(calls ? { contents: 'read' } : {})
    for (const job of jobs.filter(({ uses }) => uses === undefined)) {
      expect(job.permissions).toBeDefined()
      expect(job['timeout-minutes']).toBeGreaterThan(0)
    }
  })

  test('never cancels a run that changes the server, nor runs beside another', () => {
    if (!changesServer(steps)) return
    expect(workflow.concurrency).toEqual({ group: 'production', 'cancel-in-progress': false })
    for (const job of jobs.filter(job => changesServer(job.steps ?? []))) {
      expect(job.environment).toBeDefined()
    }
  })

  test('gives a pull request no key but the one that may only read', () => {
    if (!('pull_request' in workflow.on)) return
    const keys = namesIn(content, 'secrets').filter(one => /KEY|TOKEN/.test(one))
    expect(keys).toEqual(content.includes('ssh-key:') ? ['PLAN_SSH_KEY'] : [])
    expect(changesServer(steps)).toBe(false)
    expect(content).not.toContain('pull_request_target')
  })

  test('fits on a screen', () => {
    expect(content.split('\n').length).toBeLessThan(85)
  })
})

describe.each(shared)('%s, by hand and called', name => {
  const { content, workflow } = read(name)
  const { workflow_dispatch: byHand, workflow_call: called } = workflow.on

  test('what it can be given is typed and described', () => {
    const inputs = [byHand?.inputs, called?.inputs].flatMap(one => Object.values(one ?? {}))
    expect(inputs.length).toBeGreaterThan(0)
    for (const input of inputs) {
      expect(['string', 'boolean', 'number', 'choice']).toContain(input.type)
      expect(input.description).toBeTruthy()
      if (input.type === 'choice') expect(input.options?.length).toBeGreaterThan(1)
    }
  })

  test('a caller can give whatever a person can, and each input and secret is used', () => {
    const inputs = Object.keys(called?.inputs ?? {})
    expect(inputs).toEqual(expect.arrayContaining(Object.keys(byHand?.inputs ?? {})))
    expect([...inputs].sort()).toEqual(namesIn(content, 'inputs'))
    expect(Object.keys(called?.secrets ?? {}).sort()).toEqual(namesIn(content, 'secrets'))
  })
})

describe('calls from another repository', () => {
  const readme = readFileSync(path.join(FOLDER, 'README.md'), 'utf8')
  const snippets = [...readme.matchAll(/```yaml\n(.*?)```/gs)].map(match => match[1] as string)
  const calls = [...snippets, ...own.map(name => read(name).content)].filter(text =>
    text.includes('uses: diveops/workflows/')
  )

  test('the README shows one of each workflow', () => {
    const shown = snippets.flatMap(text =>
      Object.values((parse(text) as Workflow).jobs).map(({ uses = '' }) => CALL.exec(uses)?.[1])
    )
    expect(shown.sort()).toEqual(shared)
  })

  test.each(calls)(
    '%#: valid, in 15 lines, with what the called one wants and no more',
    async text => {
      expect(await validate('call.yml', text)).toEqual([])
      expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(15)
      expect(text).not.toContain('concurrency')
      for (const { uses = '', with: given = {}, secrets = {} } of Object.values(
        (parse(text) as Workflow).jobs
      )) {
        const called = read(CALL.exec(uses)?.[1] as string).workflow.on.workflow_call as Called
        for (const [has, declared] of [
          [given, called.inputs],
          [secrets, called.secrets ?? {}]
        ] as const) {
          const required = Object.keys(declared).filter(key => declared[key]?.required)
          expect(Object.keys(declared)).toEqual(expect.arrayContaining(Object.keys(has)))
          expect(Object.keys(has)).toEqual(expect.arrayContaining(required))
        }
      }
    }
  )
})
