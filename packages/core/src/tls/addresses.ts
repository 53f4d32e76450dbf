import { networkInterfaces } from 'node:os'
import type { Addresses, NameRecords } from './dns.ts'

/** The addresses that DNS gave; none when it could not say. */
export function addressesOf(found: Addresses): readonly string[] {
  return 'error' in found ? [] : found.addresses
}

/** The addresses of a name that this machine can ask: those of IPv6 only when it has IPv6 itself. */
export function reachable(
  { a, aaaa }: Pick<NameRecords, 'a' | 'aaaa'>,
  ipv6 = hasIPv6()
): string[] {
  return [...addressesOf(a), ...(ipv6 ? addressesOf(aaaa) : [])]
}

/** Whether this machine has an address of the public IPv6 Internet. */
function hasIPv6(): boolean {
  return Object.values(networkInterfaces())
    .flatMap(entries => entries ?? [])
    .some(({ address, internal }) => !internal && /^[23][\da-f]{3}:/i.test(address))
}
