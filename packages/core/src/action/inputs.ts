import * as core from '@actions/core'
import { UserError } from '../base/errors.ts'
import { didYouMean, list } from '../base/names.ts'
import { parseDuration } from '../base/time.ts'

/** A complaint about an input: its name, the value, what was expected. Never pass a secret's value. */
export function badInput(name: string, value: string, expected: string): UserError {
  return new UserError(`input '${name}': got '${value}', expected ${expected}`)
}

/** An input as written, without surrounding blanks; undefined when absent or empty. */
export function optional(name: string): string | undefined {
  const value = core.getInput(name)
  return value === '' ? undefined : value
}

/** An input that must be there. An expression that came out empty gets the likely reason. */
export function required(name: string, what: string): string {
  const value = optional(name)
  if (value === undefined) {
    throw new UserError(
      `input '${name}' is empty, expected ${what}; when it comes from a secret or a variable, check ` +
        'that this exists in this repository or environment (forks and other environments do not get it)'
    )
  }
  return value
}

/** A secret input exactly as given, inner blanks and newlines included; undefined when absent. */
export function secret(name: string): string | undefined {
  const value = core.getInput(name, { trimWhitespace: false })
  return value.trim() === '' ? undefined : value
}

/** One of the listed words. */
export function choice<T extends string>(name: string, words: readonly T[], fallback: T): T {
  const value = optional(name)
  if (value === undefined) return fallback
  const word = words.find(candidate => candidate === value.toLowerCase())
  if (word === undefined)
    throw badInput(name, value, `one of ${list(words)}${didYouMean(value, words)}`)
  return word
}

/** A yes or no: `true` or `false`, nothing else. */
export function flag(name: string, fallback: boolean): boolean {
  const value = optional(name)
  if (value === undefined) return fallback
  if (/^(true|false)$/i.test(value)) return value.toLowerCase() === 'true'
  throw badInput(name, value, `'true' or 'false'`)
}

/** A whole number between two bounds, both included. */
export function integer(name: string, min: number, max: number): number | undefined {
  const value = optional(name)
  if (value === undefined) return undefined
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN
  if (!(number >= min && number <= max)) {
    throw badInput(name, value, `a whole number from ${min} to ${max}`)
  }
  return number
}

/** A duration in milliseconds, written `250ms`, `60s`, `5m` or `60` (seconds). */
export function duration(name: string): number | undefined {
  const value = optional(name)
  if (value === undefined) return undefined
  const ms = parseDuration(value)
  if (ms === undefined) throw badInput(name, value, `a duration such as '250ms', '60s' or '5m'`)
  return ms
}

/** The lines of an input, without blanks around them, empty lines and comments (`#`). */
export function lines(name: string): string[] {
  return core
    .getMultilineInput(name)
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'))
}

/** Lines of `NAME=value` in the order given. Errors name the line, not its value. */
export function pairs(name: string): [string, string][] {
  return lines(name).map((line, index) => {
    const match = /^([A-Za-z_][A-Za-z0-9_.-]*)=(.*)$/s.exec(line)
    if (!match) {
      throw new UserError(`input '${name}': line ${index + 1} is not of the form NAME=value`)
    }
    return [match[1] as string, match[2] as string]
  })
}

/** What other actions call an input of ours, beyond what a slip of the pen explains. */
const ELSEWHERE: Record<string, string> = {
  server: 'host',
  hostname: 'host',
  'remote-host': 'host',
  username: 'user',
  'remote-user': 'user',
  key: 'ssh-key',
  'private-key': 'ssh-key',
  'ssh-private-key': 'ssh-key',
  'key-passphrase': 'passphrase',
  fingerprint: 'known-hosts',
  'ssh-known-hosts': 'known-hosts',
  'host-fingerprint': 'known-hosts',
  target: 'path',
  'remote-path': 'path',
  'deploy-path': 'path',
  dockerfile: 'file',
  password: 'registry-token',
  token: 'github-token',
  'dry-run': 'plan-only'
}

/**
 * Refuses inputs that the action does not have: GitHub itself only warns of them, so a slip of
 * the pen would silently deploy with the default. `known` comes from the action's inputs module.
 */
export function refuseUnknown(known: readonly string[], env = process.env): void {
  const written = Object.keys(env)
    .filter(key => key.startsWith('INPUT_'))
    .map(key => key.slice('INPUT_'.length).toLowerCase())
  for (const name of written) {
    if (known.includes(name)) continue
    const usual = ELSEWHERE[name.replaceAll('_', '-')]
    const meant = usual !== undefined && known.includes(usual) ? usual : name
    throw new UserError(
      `input '${name}' is not known${didYouMean(meant, known)}; known inputs: ${known.join(', ')}`
    )
  }
}
