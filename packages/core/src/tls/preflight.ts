import { addressesOf } from './addresses.ts'
import type { Addresses } from './dns.ts'
import type { HostView } from './hostview.ts'
import type { Obstacle } from './obstacle.ts'

/** One line of the preflight's table; with `todo` it is red, and no order is made. */
export interface PreflightRow {
  name: string
  found: string
  todo?: string
}

/** What the runner found of a name. */
export interface NameSeen {
  name: string
  a: Addresses
  aaaa: Addresses
  /** Why CAA records forbid the order, or undefined. */
  caa: Obstacle | undefined
  /** What each address that was asked said instead of the token: undefined when it gave it. */
  answers: ReadonlyMap<string, Obstacle | undefined>
}

/** The row of the certificate authority: reached from the host, without an order. */
export function judgeAuthority(view: HostView, directory: string): PreflightRow {
  const name = new URL(directory).hostname
  if (!('error' in view.directory)) return { name, found: 'answers the server' }
  return {
    name,
    found: `the server cannot reach it: ${view.directory.error}`,
    todo: 'let the server resolve names and connect to port 443, or wait until the authority is back'
  }
}

/** The row of the clocks: certificates begin at a moment, and a server in the past refuses them. */
export function judgeClocks(offMs: number): PreflightRow {
  const seconds = Math.round(Math.abs(offMs) / 1000)
  if (seconds <= 300)
    return { name: 'clock', found: seconds <= 60 ? 'right' : `off by ${seconds} s` }
  return {
    name: 'clock',
    found: `the server's is off by ${seconds} s`,
    todo: 'set it: timedatectl set-ntp true'
  }
}

/** The row of a name; what is wrong with it, all in one. */
export function judgeName(seen: NameSeen, view: HostView, token: string): PreflightRow {
  const { name } = seen
  const wrong = [...judgeAddresses(seen, view), ...judgeAnswers(seen, view, token)]
  if (seen.caa !== undefined) wrong.push([seen.caa.found, seen.caa.todo])
  const all = [...addressesOf(seen.a), ...addressesOf(seen.aaaa)]
  if (wrong.length === 0) {
    const behind = all.filter(address => !view.own.includes(address))
    const hint = behind.length > 0 ? ' (not an address of the server itself: behind NAT?)' : ''
    return { name, found: `${all.join(', ')} answers with our token${hint}` }
  }
  return {
    name,
    found: wrong.map(([found]) => found).join('; '),
    todo: [...new Set(wrong.map(([, todo]) => todo))].join('; ')
  }
}

type Wrong = readonly [found: string, todo: string]

function judgeAddresses({ name, a, aaaa }: NameSeen, view: HostView): Wrong[] {
  const server = view.own[0] ?? "the server's address"
  const failed = [a, aaaa].find(one => 'error' in one) as { error: string } | undefined
  if (failed) return [[`DNS does not answer: ${failed.error}`, `mend the DNS of ${name}`]]
  if (addressesOf(a).length + addressesOf(aaaa).length === 0) {
    return [
      [
        'does not resolve',
        `add an A record for ${name} to ${server}, or leave ${name} out of 'domains'`
      ]
    ]
  }
  return []
}

function judgeAnswers(
  { name, a, aaaa, answers }: NameSeen,
  view: HostView,
  token: string
): Wrong[] {
  const fromRunner = addressesOf(a).flatMap((address): Wrong[] => {
    const why = answers.get(address)
    return why === undefined ? [] : [[`${address}: ${why.found}`, why.todo]]
  })
  // Hosted runners have no IPv6, and the authority prefers it: the server itself must answer there.
  const fromHost = addressesOf(aaaa).flatMap((address): Wrong[] => {
    if (answers.has(address) && answers.get(address) === undefined) return []
    const answer = view.answers[address]?.[name]
    if (answer && 'status' in answer && answer.body.trim() === token) return []
    const why =
      answer === undefined
        ? 'the server does not see this address'
        : 'error' in answer
          ? answer.error
          : `status ${answer.status} without our token`
    return [
      [
        `${address} (AAAA): ${why}`,
        `remove the AAAA record of ${name}, or let the server answer at that address: authorities try it first`
      ]
    ]
  })
  return [...fromRunner, ...fromHost]
}
