import { publishedPorts } from '../app/compose.ts'
import { reloadAdvice } from '../proxy/advice.ts'
import type { Facts } from './facts.ts'
import type { Tactics } from './tactics.ts'
import { startOrder, type Target } from './target.ts'

/** What a deploy does to one service, and why. */
export interface PlanRow {
  service: string
  what: 'keep' | 'roll' | 'recreate' | 'create' | 'reload'
  why: string
}

const OUTDATED = 'left as it runs, but a file that it reads changes: restart it when you choose'

/** The plan: one row for each service of the compose file, in the order in which they start. */
export function planRows(
  target: Target,
  facts: Facts,
  tactics: Tactics,
  differences: readonly string[]
): PlanRow[] {
  const reasons = differences.join('; ')
  return startOrder(target.project, Object.keys(target.project.services)).map(service => {
    if (differences.length === 0) return { service, what: 'keep', why: 'unchanged' }
    if (!facts.containers.some(one => one.service === service)) {
      return { service, what: 'create', why: 'not on the host yet' }
    }
    const tactic = tactics.services.get(service)
    if (tactic?.how === 'roll')
      return { service, what: 'roll', why: reasons + ownPorts(target, service) }
    if (tactic?.how === 'stop-first') {
      return { service, what: 'recreate', why: `${reasons}; stop-first: ${tactic.why}` }
    }
    if (service === target.proxy && tactic === undefined) {
      return tactics.replaceProxy
        ? { service, what: 'recreate', why: 'a gap of a second or so' }
        : { service, what: 'reload', why: facts.front ? reloadAdvice(facts.front) : '' }
    }
    return { service, what: 'keep', why: tactics.outdated.has(service) ? OUTDATED : '' }
  })
}

/** A bridge publishes no port: what the service publishes itself has a gap while it is replaced. */
function ownPorts({ project }: Target, name: string): string {
  const ports = publishedPorts(project.services[name] ?? {})
  return ports.length === 0
    ? ''
    : `; a gap of seconds on port ${ports.join(', ')}, which it publishes itself`
}
