import { UserError } from '../base/errors.ts'
import { list } from '../base/names.ts'

/** A variable of the template: what it holds when the host's .env does not have it yet. */
export type TemplateEntry =
  | { name: string; kind: 'value'; value: string }
  | { name: string; kind: 'generate'; length: number }
  | { name: string; kind: 'required' }

/** What is to be done to the host's .env: nothing else is changed in it. */
export interface EnvironmentChange {
  /** New variables with the value that they get. */
  add: [name: string, value: string][]
  /** New variables whose value is made on the host: letters and digits, so many characters. */
  generate: [name: string, length: number][]
  /** Variables that follow the chosen nginx variant, set to this whatever they hold. */
  follow: [name: string, value: string][]
}

const ASSIGNMENT = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)$/
const PLACEHOLDER = /^\{\{\s*(generate\s+(\d+)|required)\s*\}\}$/

/**
 * Reads an .env template: `NAME=value`, `NAME={{generate 50}}` (made on the host) and
 * `NAME={{required}}` (must come from the input `env` or be on the host already).
 */
export function parseTemplate(text: string, file: string): TemplateEntry[] {
  const entries = new Map<string, TemplateEntry>()
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(#|$)/.test(line)) continue
    const match = ASSIGNMENT.exec(line)
    if (!match)
      throw new UserError(`${file}:${index + 1}: expected NAME=value, a comment or nothing`)
    const [, name, written] = match as unknown as [string, string, string]
    entries.set(name, entry(name, unquote(written), `${file}:${index + 1}`))
  }
  return [...entries.values()]
}

function entry(name: string, value: string, place: string): TemplateEntry {
  const placeholder = PLACEHOLDER.exec(value)
  if (!placeholder) {
    if (value.includes('{{')) {
      throw new UserError(
        `${place}: '${name}' has a placeholder that is not known: expected {{generate 50}} or {{required}}`
      )
    }
    return { name, kind: 'value', value: checked(name, value) }
  }
  if (placeholder[1] === 'required') return { name, kind: 'required' }
  const length = Number(placeholder[2])
  if (length >= 8 && length <= 256) return { name, kind: 'generate', length }
  throw new UserError(
    `${place}: '${name}': got {{generate ${length}}}, expected a length from 8 to 256`
  )
}

function unquote(written: string): string {
  const value = written.trim()
  const quoted = /^'([^']*)'\s*(#.*)?$/.exec(value) ?? /^"([^"\\$]*)"\s*(#.*)?$/.exec(value)
  return quoted ? (quoted[1] as string) : value.replace(/\s+#.*$/, '')
}

/** A value that a single-quoted line of an .env can hold; throws by name otherwise. */
export function checked(name: string, value: string): string {
  if (/['\r\n\0]/.test(value)) {
    throw new UserError(
      `environment variable '${name}': its value has a single quote or a line break, which an .env ` +
        'file cannot hold reliably; encode it, for example as base64'
    )
  }
  return value
}

/** A line of an .env whose value arrives exactly as given, `$` and `#` included. */
export function assignment(name: string, value: string): string {
  return `${name}='${checked(name, value)}'`
}

/** Names in an .env and whether each has a value, as read on the host (`NAME` or `NAME=`). */
export type PresentNames = ReadonlyMap<string, boolean>

/**
 * What the host's .env lacks: variables of the template and of the input `env` that are not in it.
 * Existing values are never changed. Throws with the names of required variables that have no value.
 */
export function environmentChange(
  template: readonly TemplateEntry[],
  given: readonly (readonly [string, string])[],
  present: PresentNames,
  follow: Readonly<Record<string, string>>
): EnvironmentChange {
  const values = new Map(given)
  const missing = template
    .filter(({ name, kind }) => kind === 'required' && !present.get(name) && !values.get(name))
    .map(({ name }) => name)
  if (missing.length > 0) {
    throw new UserError(
      `.env: ${list(missing)} required and not set; give a value in the input 'env' (NAME=value, from a ` +
        "secret) or write it into the host's .env"
    )
  }
  const change: EnvironmentChange = { add: [], generate: [], follow: Object.entries(follow) }
  for (const one of template) {
    // A required variable may stand in the .env without a value; then the given one fills it.
    if (one.kind === 'required' ? present.get(one.name) : present.has(one.name)) continue
    const value = values.get(one.name)
    if (value !== undefined) change.add.push([one.name, checked(one.name, value)])
    else if (one.kind === 'generate') change.generate.push([one.name, one.length])
    else if (one.kind === 'value') change.add.push([one.name, one.value])
  }
  const known = new Set(template.map(({ name }) => name))
  for (const [name, value] of values) {
    if (!known.has(name) && !present.has(name)) change.add.push([name, checked(name, value)])
  }
  return change
}
