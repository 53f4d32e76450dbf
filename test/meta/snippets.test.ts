import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import {
  convertWorkflowTemplate,
  NoOperationTraceWriter,
  parseWorkflow
} from '@actions/workflow-parser'
import { actionNames, type Metadata, readMetadata, root } from '@diveops/build'
import { expect, test } from '@jest/globals'
import DOMPurify from 'dompurify'
import mermaid from 'mermaid'
import { parse } from 'yaml'
import { parseConfig } from '../../packages/core/src/app/config.ts'
import { parseTemplate } from '../../packages/core/src/app/environment.ts'
import { planLines } from '../../packages/core/src/deploy/plantext.ts'
import { type Block, blocks, documents } from '../harness/readme.ts'

interface Step {
  id?: string
  uses?: string
  with?: Record<string, unknown>
}

// There is no page here whose text mermaid could clean.
Object.assign(DOMPurify, { addHook: () => {}, sanitize: (text: string) => text })

const GUIDE = 'docs/operations.md'
const actions = new Map<string, Metadata>()
for (const name of await actionNames()) actions.set(name, await readMetadata(name))
const scripts = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).scripts as object
const all = documents().flatMap(blocks)
/** What e2e tests run on a server, line by line. */
const proven = all
  .filter(({ file, language }) => file === GUIDE && language === 'sh server')
  .flatMap(({ text }) => text.trim().split('\n'))

const CHECKS: Record<string, (block: Block) => unknown> = {
  yaml: checkYaml,
  sh: checkShell,
  'sh root': checkShell,
  'sh server': checkShell,
  dotenv: ({ file, text }) => expect(parseTemplate(text, file)).not.toEqual([]),
  mermaid: ({ text }) => mermaid.parse(text),
  md: checkChangeset,
  '': checkPlan
}

test.each(all)('$file:$line, $language', async block => {
  expect(Object.keys(CHECKS)).toContain(block.language)
  await CHECKS[block.language]?.(block)
})

/** A workflow, steps of one, what continues a step, or a diveops.yml. */
async function checkYaml({ file, text }: Block): Promise<void> {
  const whole = workflowOf(file, text)
  if (whole === undefined) {
    // Keys that stand there twice are different ways to write the same.
    for (const part of alternatives(text)) parseConfig(part, file)
    return
  }
  expect(await complaints(whole)).toEqual([])
  const continued = /^\s/.test(text)
  const { jobs } = parse(whole) as { jobs: Record<string, { steps?: Step[] }> }
  for (const { steps = [] } of Object.values(jobs)) checkSteps(steps, continued, whole)
}

function workflowOf(file: string, text: string): string | undefined {
  if (/^jobs:/m.test(text)) return /^on:/m.test(text) ? text : `on: push\n${text}`
  const head = 'on: push\njobs:\n  job:\n    runs-on: ubuntu-latest\n'
  if (/^steps:/m.test(text)) return head + text.replace(/^(?=.)/gm, '    ')
  if (text.startsWith('- ')) return `${head}    steps:\n${text.replace(/^(?=.)/gm, '      ')}`
  const action = /^actions\/([a-z-]+)\//.exec(file)?.[1]
  if (!/^\s/.test(text) || action === undefined) return undefined
  const step = `      - uses: diveops/${action}@v1\n        with:\n`
  return `${head}    steps:\n${step}${text.replace(/^(?=.)/gm, '      ')}`
}

async function complaints(content: string): Promise<string[]> {
  const { context, value } = parseWorkflow(
    { name: 'snippet.yml', content },
    new NoOperationTraceWriter()
  )
  if (value) await convertWorkflowTemplate(context, value)
  return context.errors.getErrors().map(String)
}

/** Steps give our actions what those take, and all that they require; outputs that are used exist. */
function checkSteps(steps: readonly Step[], continued: boolean, text: string): void {
  for (const { id, uses = '', with: given = {} } of steps) {
    if (/^actions\/checkout@[0-9a-f]{40}$/.test(uses)) continue
    const { inputs = {}, outputs = {} } = actions.get(
      /^diveops\/([a-z-]+)@v1$/.exec(uses)?.[1] ?? uses
    ) as Metadata
    expect(Object.keys(inputs)).toEqual(expect.arrayContaining(Object.keys(given)))
    const required = Object.keys(inputs).filter(key => inputs[key]?.required)
    if (!continued) expect(Object.keys(given)).toEqual(expect.arrayContaining(required))
    const used = [...text.matchAll(/steps\.([a-z]+)\.outputs\.([a-z-]+)/g)]
    expect(Object.keys(outputs)).toEqual(
      expect.arrayContaining(used.filter(match => match[1] === id).map(match => match[2]))
    )
  }
  const ids = steps.map(({ id }) => id)
  for (const [, id] of text.matchAll(/steps\.([a-z]+)\.outputs/g)) expect(ids).toContain(id)
}

function alternatives(text: string): string[] {
  const parts: string[] = []
  const keys = new Set<string>()
  for (const line of text.split('\n')) {
    const key = /^([a-z-]+):/.exec(line)?.[1]
    if (parts.length === 0 || (key !== undefined && keys.has(key))) {
      parts.push('')
      keys.clear()
    }
    if (key !== undefined) keys.add(key)
    parts.push(`${parts.pop()}${line}\n`)
  }
  return parts
}

/** Shell that parses; scripts of ours that exist; on a server what the guide has, which is run. */
function checkShell({ file, text }: Block): void {
  expect(execFileSync('sh', ['-n'], { input: text, encoding: 'utf8' })).toBe('')
  for (const line of text.trim().split('\n')) {
    const script = /^npm run (?:--silent )?([a-z:]+)/.exec(line)?.[1]
    if (script !== undefined) expect(Object.keys(scripts)).toContain(script)
    const program = /^\.\/([a-z-]+\.sh)/.exec(line)?.[1]
    if (program !== undefined) {
      expect(proven.some(command => command.startsWith(`./${program}`))).toBe(true)
    }
    if (/^docker compose -f /.test(line) && file !== GUIDE) expect(proven).toContain(line)
  }
}

/** A changeset of an action that there is. */
function checkChangeset({ text }: Block): void {
  const [, head = '', body] = text.replace(/^ {3}/gm, '').split('---\n')
  const names = Object.keys(parse(head) as object)
  expect(names.length).toBeGreaterThan(0)
  for (const name of names) expect([...actions.keys()]).toContain(name.replace('@diveops/', ''))
  expect(body?.trim()).not.toBe('')
}

/** A plan as the log has it: its rows, read and written again, are the same. */
function checkPlan({ text }: Block): void {
  const [, ...lines] = text.trimEnd().split('\n')
  const services = lines.map(line => {
    const [service = '', what = '', ...rest] = line.trim().split(/ {2,}/)
    const [downtime, why] = rest.length === 1 ? ['none', rest[0]] : rest
    return { service, what, downtime, why, alarm: false }
  })
  const plan = { services, files: [], alarms: [] } as unknown as Parameters<typeof planLines>[0]
  expect(`${planLines(plan).join('\n')}\n`).toBe(text)
}

test('what the READMEs link to is there', () => {
  for (const file of documents()) {
    const text = readFileSync(path.join(root, file), 'utf8')
    for (const [, link = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(https?:|mailto:)/.test(link)) continue
      const [target = '', anchor] = link.split('#')
      const place = target === '' ? file : path.join(path.dirname(file), target)
      expect([file, link, existsSync(path.join(root, place))]).toEqual([file, link, true])
      if (anchor !== undefined)
        expect([file, link, anchors(place)]).toEqual([file, link, expect.arrayContaining([anchor])])
    }
  }
})

/** The anchors of the headings of a file, as GitHub makes them. */
function anchors(file: string): string[] {
  const text = readFileSync(path.join(root, file), 'utf8')
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/ /g, '-')
  )
}
