import { sha256 } from '../base/hash.ts'
import type { Project, Service } from './compose.ts'

/**
 * A short hash of each part of a service's definition, of each environment variable by itself
 * (`environment.NAME`): what is needed to say later which of them changed, without any value.
 */
export type Parts = Record<string, string>

/** The parts of a service as the host's compose resolves it. */
export function partsOf(service: Service): Parts {
  const { environment = {}, ...rest } = service
  const named = [
    ...Object.entries(rest),
    ...Object.entries(environment).map(([name, value]) => [`environment.${name}`, value] as const)
  ]
  return Object.fromEntries(
    named.map(([name, value]) => [name, sha256(JSON.stringify(value ?? null)).slice(0, 12)])
  )
}

/** The parts of every service, by its name. */
export function partsOfAll({ services }: Project): Record<string, Parts> {
  return Object.fromEntries(Object.entries(services).map(([name, one]) => [name, partsOf(one)]))
}

/** Parts that people call by another name than compose does. */
const WORDS: Record<string, string> = { volumes: 'mounts', healthcheck: 'health test' }

/**
 * What differs between two definitions in words, such as `mounts`, `ports` or
 * `environment +NEW ~CHANGED -GONE`; `touched` are variables that are known to have changed although
 * their hash does not show it, because secret values are never read.
 */
export function changedParts(
  before: Parts,
  after: Parts,
  touched: ReadonlySet<string> = new Set()
): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  const changed = names.filter(name => before[name] !== after[name])
  const variable = (name: string) => /^environment\.(.+)$/s.exec(name)?.[1]
  const signs = names.flatMap(name => {
    const variableName = variable(name)
    if (variableName === undefined) return []
    if (before[name] === undefined) return [`+${variableName}`]
    if (after[name] === undefined) return [`-${variableName}`]
    return changed.includes(name) || touched.has(variableName) ? [`~${variableName}`] : []
  })
  return [
    ...changed.filter(name => variable(name) === undefined).map(name => WORDS[name] ?? name),
    ...(signs.length > 0 ? [`environment ${signs.join(' ')}`] : [])
  ]
}
