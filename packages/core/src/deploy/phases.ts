import type { Section } from '../action/gantt.ts'
import type { StepTime } from './step.ts'

/** The phases of a run, in their order, each with the first words of its steps' names. */
const PHASES: readonly [phase: string, ...steps: string[]][] = [
  ['look', 'connect', 'lock', 'releases', 'look', 'preflight'],
  ['prepare', 'upload', 'environment', 'pull', 'backup', 'release', 'again', 'try', 'order'],
  ['switch', 'recreate', 'health', 'roll', 'bake', 'replace', 'proof'],
  ['finish', 'commit', 'prune', 'renewal']
]

/** The steps of a run by phase; what follows the failed step put things back. */
export function phasesOf(steps: readonly StepTime[]): Section[] {
  const sections: { name: string; bars: StepTime[] }[] = []
  let failed = false
  for (const step of steps) {
    const name = failed ? 'way back' : phaseOf(step.name, sections.at(-1)?.name)
    if (sections.at(-1)?.name !== name) sections.push({ name, bars: [] })
    sections.at(-1)?.bars.push(step)
    failed ||= step.failed === true
  }
  return sections
}

function phaseOf(step: string, running = 'look'): string {
  const word = step.split(' ')[0] as string
  return PHASES.find(([, ...steps]) => steps.includes(word))?.[0] ?? running
}
