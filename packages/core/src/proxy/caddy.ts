import { parseAddress, type Upstream, type Upstreams } from './upstreams.ts'

/**
 * The names that Caddy's configuration, as JSON, addresses. Caddy asks its container's resolver at
 * each connection, /etc/hosts first; names of `dynamic_upstreams` it keeps for a time of its own.
 */
export function caddyUpstreams(configuration: string): Upstreams {
  const found: Upstreams = { held: [], dynamic: [], unknown: false }
  try {
    visit(JSON.parse(configuration), 'other', found)
  } catch {
    // Not what Caddy prints: nothing is known of it then.
  }
  return found
}

/** Why a configuration of Caddy cannot be loaded anew while it runs, if so. */
export function caddyObstacle(configuration: string): string | undefined {
  return /"admin":\{[^{}]*"disabled":true/.test(configuration.replace(/\s/g, ''))
    ? 'its admin endpoint is off'
    : undefined
}

interface Node {
  handler?: unknown
  dial?: unknown
  transport?: { protocol?: unknown; tls?: unknown }
  dynamic_upstreams?: { name?: unknown; port?: unknown }
  [key: string]: unknown
}

function visit(value: unknown, around: Upstream['speaks'], found: Upstreams): void {
  if (Array.isArray(value)) for (const one of value) visit(one, around, found)
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return
  const node = value as Node
  const speaks = node.handler === 'reverse_proxy' ? spoken(node) : around
  const dials = Array.isArray(node.dial) ? node.dial : [node.dial]
  for (const dial of dials) if (typeof dial === 'string') addDial(dial, speaks, found)
  const { name, port } = node.dynamic_upstreams ?? {}
  if (typeof name === 'string') {
    found.dynamic.push({ name: name.toLowerCase(), port: Number(port) || 0, speaks })
  }
  for (const one of Object.values(node)) visit(one, speaks, found)
}

function spoken({ transport }: Node): Upstream['speaks'] {
  if (transport?.protocol !== undefined && transport.protocol !== 'http') return 'other'
  return transport?.tls === undefined ? 'http' : 'https'
}

function addDial(dial: string, speaks: Upstream['speaks'], found: Upstreams): void {
  if (dial.includes('{')) found.unknown = true
  else {
    const parsed = parseAddress(dial.replace(/^(tcp|udp)[46]?\//, ''), 80)
    if (parsed) found.held.push({ ...parsed, speaks })
  }
}
