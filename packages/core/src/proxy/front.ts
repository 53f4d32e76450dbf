import { caddyUpstreams } from './caddy.ts'
import { readConfiguration } from './configuration.ts'
import { haproxyUpstreams } from './haproxy.ts'
import { nginxUpstreams } from './nginx.ts'
import type { Upstreams } from './upstreams.ts'

/** The kinds of proxies that can be asked and reloaded. */
export const PROXY_KINDS = ['nginx', 'caddy', 'haproxy'] as const

/** What kind of program the proxy is. */
export type ProxyKind = (typeof PROXY_KINDS)[number]

/** The proxy as it runs: what it is, and the configuration that it says it reads. */
export interface Front {
  kind: ProxyKind
  /** Such as `1.30.6`; empty when it does not tell. */
  version: string
  /** `nginx -T`, Caddy's configuration as JSON, or HAProxy's files. */
  configuration: string
  /** Why it cannot be reloaded without a gap, if so. */
  obstacle?: string
}

/** Reads the names that a proxy addresses. */
export function readUpstreams({ kind, configuration }: Front): Upstreams {
  if (kind === 'caddy') return caddyUpstreams(configuration)
  if (kind === 'haproxy') return haproxyUpstreams(configuration)
  return nginxUpstreams(readConfiguration(configuration))
}
