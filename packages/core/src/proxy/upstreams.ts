/** A way from the proxy to a service: a host name, a port, and what is spoken there. */
export interface Upstream {
  name: string
  port: number
  speaks: 'http' | 'https' | 'other'
}

/** What a proxy says of the names behind it. */
export interface Upstreams {
  /** Names that it asks its container's resolver for when it starts or reloads. */
  held: Upstream[]
  /** Names that it resolves by itself while it runs, where no pin reaches. */
  dynamic: Upstream[]
  /** Whether it makes up names from requests, so that they could be any. */
  unknown: boolean
}

/** A host name and a port from `name`, `name:port`; undefined for addresses, which no pin can move. */
export function parseAddress(
  address: string,
  defaultPort: number
): Pick<Upstream, 'name' | 'port'> | undefined {
  const [, host = '', port] = /^([^:[\]/]+)(?::(\d+))?$/.exec(address) ?? []
  if (host === '' || /^[\d.]+$/.test(host)) return undefined
  return { name: host.toLowerCase(), port: port === undefined ? defaultPort : Number(port) }
}
