import { type Document, LineCounter, parseDocument } from 'yaml'
import { lineOfKey, lineOfValue } from './yamlline.ts'

/**
 * The line of a compose file that compose complains of, as far as its words tell: the line itself, a
 * key (`services.web.ports.0`), a service and the name that it should not have, or a variable.
 */
export function composeLine(text: string, complaint: string): number | undefined {
  const told = /\bline (\d+)/.exec(complaint)?.[1]
  if (told !== undefined) return Number(told)
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, merge: true })
  const keys = keysIn(complaint)
  if (keys.length > 0) return lineOfKey(document, lines, keys)
  const name = /\bvariable '?(\w+)/.exec(complaint)?.[1]
  const uses = new RegExp(`\\$\\{?${name}\\b`)
  if (name !== undefined) return lineOfValue(document, lines, [], value => uses.test(value))
  return lineOfService(document, lines, complaint)
}

/** `services.web.ports[0]`, and behind it the property that is not allowed there. */
function keysIn(complaint: string): PropertyKey[] {
  const place = /\b(?:services|volumes|networks|configs|secrets)(?:[.[][\w-]+\]?)+/.exec(
    complaint
  )?.[0]
  const words = place?.split(/[.[\]]+/).filter(Boolean) ?? []
  const property = /additional propert(?:y|ies) '?([\w.-]+)/i.exec(complaint)?.[1]
  return [
    ...words.map(word => (/^\d+$/.test(word) ? Number(word) : word)),
    ...(property ? [property] : [])
  ]
}

function lineOfService(
  document: Document,
  lines: LineCounter,
  complaint: string
): number | undefined {
  const service = /\bservice "?([\w.-]+)"?/.exec(complaint)?.[1]
  if (service === undefined) return undefined
  const other = /undefined \w+ "?([\w.-]+)"?/.exec(complaint)?.[1]
  const under = ['services', service]
  const named = (value: string) => value === other || value.split(':')[0] === other
  return (
    (other === undefined ? undefined : lineOfValue(document, lines, under, named)) ??
    lineOfKey(document, lines, under)
  )
}
