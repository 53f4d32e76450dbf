import { isIP } from 'node:net'

/** An address that stands for a name and port, as with `curl --resolve`. */
export interface Resolution {
  name: string
  port: number
  address: string
}

/** Reads `name:port:address`, an IPv6 address bare or in brackets; undefined when it is no such line. */
export function parseResolution(line: string): Resolution | undefined {
  const match = /^([^:\s]+):(\d{1,5}):\[?([^\]\s]+)\]?$/.exec(line)
  if (!match) return undefined
  const [, name = '', port, address = ''] = match
  if (isIP(address) === 0 || Number(port) < 1 || Number(port) > 65535) return undefined
  return { name: name.toLowerCase(), port: Number(port), address }
}

/** The port of a URL, the scheme's own when it names none. */
export function portOf(url: URL): number {
  return Number(url.port || (url.protocol === 'https:' ? 443 : 80))
}

/** The host of a URL without the brackets of an IPv6 address. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '')
}

/** The address to connect to instead of asking DNS, or undefined. */
export function addressFor(url: URL, resolutions: readonly Resolution[]): string | undefined {
  const port = portOf(url)
  return resolutions.find(entry => entry.name === url.hostname && entry.port === port)?.address
}
