import { type Configuration, type Directive, everyDirective } from './configuration.ts'
import { parseAddress, type Upstream, type Upstreams } from './upstreams.ts'

type Speaks = Upstream['speaks']

/** Directives that hand a request on, with what they speak and the port when none is given. */
const PASSES: Record<string, { speaks: Speaks; port: number }> = {
  proxy_pass: { speaks: 'http', port: 80 },
  grpc_pass: { speaks: 'other', port: 80 },
  uwsgi_pass: { speaks: 'other', port: 80 },
  fastcgi_pass: { speaks: 'other', port: 80 },
  scgi_pass: { speaks: 'other', port: 80 },
  memcached_pass: { speaks: 'other', port: 11211 }
}
/** A value made of more variables than this is not followed further. */
const MOST_VALUES = 64

/**
 * The names that an nginx configuration addresses. nginx asks for those in `upstream` blocks and in
 * directives without variables when it starts or reloads; those in directives with variables it
 * resolves at each request (`resolver`), unless one without variables has the same name and port.
 */
export function nginxUpstreams(configuration: Configuration): Upstreams {
  const streams = configuration.filter(({ name }) => name === 'stream')
  const rest = configuration.filter(({ name }) => name !== 'stream')
  const found = [
    namesIn(rest, PASSES),
    ...streams.map(({ block }) =>
      namesIn(block ?? [], { proxy_pass: { speaks: 'other', port: 0 } })
    )
  ]
  return {
    held: found.flatMap(({ held }) => held),
    dynamic: found.flatMap(({ dynamic }) => dynamic),
    unknown: found.some(({ unknown }) => unknown)
  }
}

/** The names of one `http` or `stream`, whose upstream blocks are known only within. */
function namesIn(root: Configuration, passes: typeof PASSES): Upstreams {
  const every = everyDirective(root)
  const groups = new Map(
    every.flatMap(({ name, words, block }) =>
      name === 'upstream' && block ? [[words[0] ?? '', block] as const] : []
    )
  )
  const values = variableValues(every)
  const used = every.flatMap(({ name, words }) => {
    const pass = passes[name]
    return pass
      ? expand(words[0] ?? '', values).map(to => ({ ...target(to, pass), raw: words[0] ?? '' }))
      : []
  })
  const grouped = [...groups].flatMap(([group, block]) => serversOf(block, speaksOf(group)))
  const direct = used.flatMap(({ address, port, speaks, raw }) => {
    if (groups.has(address) || address.includes('$')) return []
    const parsed = parseAddress(address, port)
    return parsed ? [{ ...parsed, speaks, late: raw.includes('$') }] : []
  })
  const held = [...grouped, ...direct].filter(({ late }) => !late)
  const late = [...grouped, ...direct].filter(one => one.late)
  return {
    held: held.map(plain),
    dynamic: late
      .filter(one => !direct.some(other => !other.late && sameDoor(one, other)))
      .map(plain),
    unknown: used.some(({ address }) => address.includes('$'))
  }

  function speaksOf(group: string): Speaks {
    return used.find(({ address }) => address === group)?.speaks ?? 'other'
  }
}

interface Named extends Upstream {
  /** Resolved while nginx runs. */
  late: boolean
}

function plain({ name, port, speaks }: Named): Upstream {
  return { name, port, speaks }
}

function sameDoor(a: Named, b: Named): boolean {
  return a.name === b.name && a.port === b.port
}

function serversOf(block: Configuration, speaks: Speaks): Named[] {
  return block.flatMap(({ name, words: [address = '', ...parameters] }) => {
    const parsed = name === 'server' ? parseAddress(address, 80) : undefined
    return parsed ? [{ ...parsed, speaks, late: parameters.includes('resolve') }] : []
  })
}

/** At a slash, at a variable that begins with one, or at any variable behind the port. */
const PATH_BEGINS = /\/|\$\{?(?:request_uri|uri|document_uri)\b|(?<=:\d+)\$/

/** Where a value of a `..._pass` leads: the address without scheme and path. */
function target(
  value: string,
  { speaks, port }: { speaks: Speaks; port: number }
): { address: string; port: number; speaks: Speaks } {
  const [, scheme, rest = ''] = /^(?:([a-z]+):\/\/)?(.*)$/s.exec(value) ?? []
  // A socket's path goes on after the colon, and is no host.
  const address = rest.startsWith('unix:') ? 'unix:' : (rest.split(PATH_BEGINS)[0] ?? '')
  const secure = scheme === 'https'
  return { address, port: secure ? 443 : port, speaks: secure ? 'https' : speaks }
}

/** The values that a variable may have, as far as the configuration itself says. */
function variableValues(every: readonly Directive[]): Map<string, string[]> {
  const values = new Map<string, string[]>()
  const add = (variable: string, value: string) => {
    const name = variable.replace(/^\$/, '')
    values.set(name, [...(values.get(name) ?? []), value])
  }
  for (const { name, words, block } of every) {
    if (name === 'set') add(words[0] ?? '', words[1] ?? '')
    if (!block || !['map', 'geo', 'split_clients'].includes(name)) continue
    for (const row of block) add(words.at(-1) ?? '', row.words[0] ?? '')
  }
  return values
}

/** What a value with variables comes to; a variable that only requests know stays in it. */
function expand(value: string, known: ReadonlyMap<string, readonly string[]>, depth = 0): string[] {
  const match = [...value.matchAll(/\$\{?(\w+)\}?/g)].find(([, name = '']) => known.has(name))
  if (!match || depth > 5) return [value]
  const [text, name = ''] = match
  return (known.get(name) ?? [])
    .slice(0, MOST_VALUES)
    .flatMap(one =>
      expand(
        value.replace(text, () => one),
        known,
        depth + 1
      )
    )
    .slice(0, MOST_VALUES)
}
