import { type Authority, tellAcme, trustProduction } from './names.ts'

export type { Authority } from './names.ts'

/** A CAA record, such as `{ tag: 'issue', value: 'letsencrypt.org' }`. */
export interface Caa {
  tag: string
  value: string
}

/** What all faults have: which authority has it, and for how many requests. */
interface Scope {
  /** Default: both. */
  ca?: Authority
  /** After so many requests it is over; default: it lasts until `clearFaults` or `reset`. */
  times?: number
}

/** A way in which Let's Encrypt lets its clients down. */
export type Fault =
  /** New orders get status 429 and the words of a rate limit, until so many seconds from now. */
  | ({ kind: 'rateLimited'; retryAfter: number; detail?: string } & Scope)
  /** Requests get status 503 with Retry-After in seconds. */
  | ({ kind: 'unavailable'; retryAfter: number; on?: 'newOrder' } & Scope)
  /** Answers come so many seconds late. */
  | ({ kind: 'slow'; seconds: number; on?: 'newOrder' } & Scope)
  /** No answer: connections are refused; when one authority alone is down, closed after the request. */
  | { kind: 'down'; ca?: Authority }

/** A request that came to the stand-in of Let's Encrypt. */
export interface AcmeRequest {
  /** When it came, in ISO format. */
  time: string
  ca: Authority
  method: string
  /** As it was asked for, such as `/directory`. */
  path: string
  /** What was answered; missing while or when nothing was. */
  status?: number
}

/**
 * Gives a name exactly these addresses; without any it has none. It must be one of the example's
 * names, below them or end in `.test`, because only for those the lab's boxes ask its name server.
 */
export async function setAddresses(
  name: string,
  addresses: { a?: readonly string[]; aaaa?: readonly string[] }
): Promise<void> {
  await tellAcme('addresses', { name, ...addresses })
}

/** Gives a name exactly these CAA records. Clients can see them; the authorities do not heed them. */
export async function setCaa(name: string, policies: readonly Caa[]): Promise<void> {
  await tellAcme('caa', { name, policies })
}

/** Lets every question for a name fail with SERVFAIL until `reset`. */
export async function servfail(name: string): Promise<void> {
  await tellAcme('servfail', { name })
}

/** Adds a fault to those there are. Of several of a kind the first holds until it is used up. */
export async function fault(fault: Fault): Promise<void> {
  await tellAcme('fault', fault)
}

/** Ends all faults; names and recorded requests stay. */
export async function clearFaults(): Promise<void> {
  await tellAcme('clear-faults')
}

/** All requests since the last `reset`, those that got a fault included. */
export async function requests(): Promise<AcmeRequest[]> {
  return (await tellAcme('requests')) as AcmeRequest[]
}

/** How many certificates were ordered since the last `reset`, at one authority or at both; refused orders count. */
export async function orders(ca?: Authority): Promise<number> {
  const asked = (await requests()).filter(request => request.path === NEW_ORDER)
  return asked.filter(request => (ca ?? request.ca) === request.ca).length
}

const NEW_ORDER = '/order-plz'

/** The root certificate of an authority as PEM: another one at each start of its box. */
export async function root(ca: Authority): Promise<string> {
  return String(await tellAcme('root', { ca }))
}

/**
 * Lets an authority say that a certificate is to be renewed now: its ARI window is in the past.
 * certbot asks again only after the `ari_retry_after` in its renewal configuration, 6 hours after it
 * last asked; tests delete that line.
 */
export async function renewNow(certificate: string, ca: Authority = 'production'): Promise<void> {
  const window = { start: '2020-01-01T00:00:00Z', end: '2020-01-02T00:00:00Z' }
  await tellAcme('renewal-window', { ca, certificate, ...window })
}

/**
 * Makes names as they are by default, ends faults and forgets requests; for the beginning of each test.
 * What the authorities have issued stays.
 */
export async function reset(): Promise<void> {
  await Promise.all([tellAcme('reset'), trustProduction()])
}
