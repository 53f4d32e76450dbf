import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import { getDomain } from 'tldts-icann'
import * as z from 'zod'
import { UserError } from '../base/errors.ts'

/** One certificate: its name at certbot, and the domain names that it is for. */
export interface Lineage {
  name: string
  names: string[]
}

const DOMAIN =
  /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * Which certificates the asked names need; all configured ones when none is asked for. Names of one
 * configured list share a certificate that is named after the first of that list, also when that
 * one is left out; others are grouped by their registered domain.
 */
export function lineages(
  asked: readonly string[],
  configured: readonly (readonly string[])[]
): Lineage[] {
  const lists = configured.map(list => list.map(name => name.toLowerCase()))
  const wanted = asked.length > 0 ? asked.map(name => name.toLowerCase()) : lists.flat()
  const found = new Map<string, string[]>()
  for (const name of new Set(wanted)) {
    const group = lists.find(list => list.includes(name))?.[0] ?? strangerGroup(name, lists)
    found.set(group, [...(found.get(group) ?? []), name])
  }
  return [...found].map(([name, names]) => ({ name, names }))
}

/** The certificate's name for a name that no list has. */
function strangerGroup(name: string, lists: readonly (readonly string[])[]): string {
  const domain = getDomain(name) ?? name
  // An order under the name of a configured certificate would replace it, and drop its names.
  return lists.some(list => list[0] === domain) ? name : domain
}

/**
 * Domain names separated by blanks, commas or lines, in lower case and ASCII, each once. Throws a
 * `UserError` that has a line for each word that is none.
 */
export function parseDomains(text: string): string[] {
  const words = text.split(/[\s,]+/).filter(Boolean)
  if (words.length === 0 && text.trim() !== '') {
    throw new UserError(`input 'domains': got '${text.trim()}', expected names such as example.com`)
  }
  const judged = words.map(word => ({ word, ...judge(word) }))
  const [first, ...others] = judged.flatMap(({ word, expected }) =>
    expected === undefined ? [] : [`input 'domains': got '${word}', expected ${expected}`]
  )
  if (first !== undefined) throw new UserError(first, others)
  return [...new Set(judged.map(({ name }) => name))]
}

/** The name that a word is, and what was expected instead when it is none. */
function judge(word: string): { name: string; expected?: string } {
  const bare = word.replace(/^[a-z][a-z\d+.-]*:\/\//i, '').replace(/[:/?#].*$/, '')
  const name = domainToASCII(bare.replace(/^\*\.|\.$/g, '')).toLowerCase()
  const example = DOMAIN.test(name) ? name : 'example.com'
  const refuse = (expected: string) => ({ name, expected: `${expected}, such as ${example}` })
  // A resolver takes 127.1 and 0x7f000001 for addresses, and so does the conversion to ASCII.
  if (isIP(word.replace(/^\[|\]$/g, '')) !== 0 || isIP(name) !== 0) {
    return refuse('a domain name, not an address')
  }
  if (bare !== word) return refuse('a domain name without scheme, port or path')
  if (word.includes('*')) {
    return refuse('names without a wildcard, which a challenge over HTTP cannot prove')
  }
  if (/^[a-z0-9-]+\.?$/i.test(word)) return refuse('a full domain name with its ending')
  if (!DOMAIN.test(name)) return refuse('a domain name')
  if (getDomain(name) === null) {
    return {
      name,
      expected: `a domain below it, such as example.${name}: nobody gets certificates for an ending`
    }
  }
  return { name }
}

/** An e-mail address; throws a `UserError` for what is none. */
export function parseEmail(text: string): string {
  const email = text.trim()
  if (z.email().safeParse(email).success) return email
  throw new UserError(`input 'email': got '${email}', expected an address such as ops@example.com`)
}
