import { expect, test } from '@jest/globals'
import mermaid from 'mermaid'
import { gantt, type Section } from '../../../packages/core/src/action/gantt.ts'
import { phasesOf } from '../../../packages/core/src/deploy/phases.ts'
import { HOSTILE } from '../../harness/hostile.ts'

interface Task {
  section: string
  task: string
  startTime: Date
  endTime: Date
  crit: boolean
}

/** What mermaid itself, as GitHub uses it, makes of a picture. */
async function drawn(sections: readonly Section[]): Promise<Task[]> {
  const block = gantt(sections) as string
  expect(block).toMatch(/^```mermaid\n[^`]+\n```$/)
  const text = block.split('\n').slice(1, -1).join('\n')
  // Diagrams are known after the first one is parsed.
  await mermaid.parse(text)
  const { db } = await mermaid.mermaidAPI.getDiagramFromText(text)
  const tasks = (db as unknown as { getTasks(): Task[] }).getTasks()
  return tasks.map(one => ({ ...one, task: one.task.trim() }))
}

const took = ({ startTime, endTime }: Task) => endTime.getTime() - startTime.getTime()

test('steps follow one another, a section for each phase', async () => {
  const tasks = await drawn(
    phasesOf([
      { name: 'connect', ms: 420 },
      { name: 'preflight', ms: 1580.4 },
      { name: 'pull', ms: 61_000 },
      { name: 'roll web', ms: 4000 },
      { name: 'commit', ms: 0 }
    ])
  )
  expect(tasks.map(({ section, task }) => [section, task])).toEqual([
    ['look', 'connect 420 ms'],
    ['look', 'preflight 1.6 s'],
    ['prepare', 'pull 1 min 01 s'],
    ['switch', 'roll web 4.0 s'],
    ['finish', 'commit 0 ms']
  ])
  expect(tasks.map(took)).toEqual([420, 1580, 61_000, 4000, 1])
  expect(tasks.slice(1).map(({ startTime }) => startTime)).toEqual(
    tasks.slice(0, -1).map(({ endTime }) => endTime)
  )
})

test('the failed step is marked, and what follows it is the way back', async () => {
  const tasks = await drawn(
    phasesOf([
      { name: 'connect', ms: 100 },
      { name: 'bake web', ms: 100, failed: true },
      { name: 'recreate', ms: 100 },
      { name: 'discard', ms: 100 }
    ])
  )
  expect(tasks.map(({ section, crit, task }) => [section, crit === true, task])).toEqual([
    ['look', false, 'connect 100 ms'],
    ['switch', true, '✗ bake web 100 ms'],
    ['way back', false, 'recreate 100 ms'],
    ['way back', false, 'discard 100 ms']
  ])
})

test.each([
  ...Object.entries(HOSTILE),
  ...['section', 'title', 'click', 'dateFormat', 'gantt', 'todayMarker', ''].map(
    word => [`the word '${word}'`, `${word} it`] as const
  )
])('%s as a name is one bar of its own length', async (_, name) => {
  const tasks = await drawn([
    {
      name,
      bars: [
        { name, ms: 70 },
        { name: 'next', ms: 30 }
      ]
    }
  ])
  expect(tasks.map(took)).toEqual([70, 30])
  expect(tasks[1]?.task).toBe('next 30 ms')
  for (const word of name.match(/[a-z]{4,}/gi) ?? []) expect(tasks[0]?.task).toContain(word)
})

test('hours are told as hours, and a day is not drawn', async () => {
  const lock = { name: 'lock', ms: 5_400_000 }
  expect(gantt([{ name: 'look', bars: [lock] }])).toContain('axisFormat %H:%M:%S')
  expect((await drawn([{ name: 'look', bars: [lock] }])).map(took)).toEqual([5_400_000])
  expect(gantt([{ name: 'look', bars: [{ name: 'lock', ms: 86_400_000 }] }])).toBeUndefined()
  expect(gantt([])).toBeUndefined()
})
