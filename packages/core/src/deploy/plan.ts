import type { Facts } from './facts.ts'
import { startOrder, type Target } from './target.ts'

/** What a deploy does to one service, and why. */
export interface PlanRow {
  service: string
  what: 'keep' | 'recreate' | 'create'
  why: string
}

/** The plan: one row for each service of the compose file, in the order in which they start. */
export function planRows(target: Target, facts: Facts, differences: readonly string[]): PlanRow[] {
  const replaced = new Set([...target.built, ...(target.proxy ? [target.proxy] : [])])
  return startOrder(target.project, Object.keys(target.project.services)).map(service => {
    const there = facts.containers.some(one => one.service === service)
    if (differences.length === 0) return { service, what: 'keep', why: 'unchanged' }
    if (!there) return { service, what: 'create', why: 'not on the host yet' }
    if (!replaced.has(service)) return { service, what: 'keep', why: '' }
    return { service, what: 'recreate', why: differences.join('; ') }
  })
}
