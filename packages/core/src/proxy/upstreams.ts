/** What a running nginx says of the names behind it, from `nginx -T`. */
export interface Upstreams {
  /** Host names that it resolves when it starts or reloads. */
  names: Set<string>
  /** Whether some are resolved by nginx itself at each request (`resolver` with variables). */
  dynamic: boolean
}

const PASS = /\b(?:proxy|uwsgi|fastcgi|scgi|grpc)_pass\s+(?:[a-z]+:\/\/)?([^\s;/:]+)/g
const SERVER = /\bserver\s+(?!\{)(?:unix:)?([^\s;:{]+)/g

/** Reads the names that an nginx configuration addresses; `nginx -T` has all includes in it. */
export function readUpstreams(configuration: string): Upstreams {
  const text = configuration.replace(/(^|\s)#.*$/gm, '$1')
  const passed = [...text.matchAll(PASS)].map(match => match[1] as string)
  const served = [...text.matchAll(SERVER)].map(match => match[1] as string)
  return {
    names: new Set([...passed, ...served].filter(name => !name.startsWith('$'))),
    dynamic: /\bresolver\s/.test(text) && passed.some(name => name.startsWith('$'))
  }
}
