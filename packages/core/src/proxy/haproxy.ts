import { parseAddress, type Upstreams } from './upstreams.ts'

/**
 * The names that HAProxy's files address. It asks its container's resolver when it starts or reloads;
 * a server with `resolvers` is resolved by itself while it runs.
 */
export function haproxyUpstreams(configuration: string): Upstreams {
  const found: Upstreams = { held: [], dynamic: [], unknown: false }
  let section = ''
  let http = false
  let defaults = { late: false, http: false }
  let late = false
  for (const line of configuration.split('\n')) {
    const words = wordsOf(line)
    const [first = '', second = ''] = words
    if (SECTIONS.has(first)) {
      section = first
      if (section === 'defaults') defaults = { late: false, http: false }
      late = defaults.late
      http = defaults.http
    } else if (first === 'mode') {
      http = second === 'http'
      if (section === 'defaults') defaults.http = http
    } else if (first === 'default-server') {
      late ||= words.includes('resolvers')
      if (section === 'defaults') defaults.late = late
    } else if (first === 'server' || first === 'server-template') {
      const address = (words[first === 'server' ? 2 : 3] ?? '').replace(
        /^(ipv4|ipv6|tcp|tcp4|tcp6)@/,
        ''
      )
      const parsed = parseAddress(address, 80)
      if (!parsed) continue
      if (address.includes('$')) {
        found.unknown = true
        continue
      }
      const speaks = !http ? 'other' : words.includes('ssl') ? 'https' : 'http'
      const list = late || words.includes('resolvers') ? found.dynamic : found.held
      list.push({ ...parsed, speaks })
    }
  }
  return found
}

const SECTIONS = new Set([
  'global',
  'defaults',
  'frontend',
  'backend',
  'listen',
  'resolvers',
  'peers',
  'userlist',
  'cache',
  'program',
  'mailers',
  'ring',
  'http-errors',
  'fcgi-app',
  'log-forward'
])

/** The words of a line: quotes keep spaces, `#` outside of them begins a comment. */
function wordsOf(line: string): string[] {
  const words = line.matchAll(/(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s#"'\\])+|#.*/g)
  return [...words]
    .map(([word]) => word)
    .filter(word => !word.startsWith('#'))
    .map(word => word.replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/g, '$1$2$3'))
}
