import { everyDirective, readConfiguration } from './configuration.ts'
import type { Front } from './front.ts'

/** The first nginx that can keep idle connections open for a while at a reload. */
const PATIENT_NGINX = [1, 27, 4] as const
const DIRECTIVE = 'keepalive_min_timeout'

/**
 * What to change so that visitors with keep-alive connections do not notice a reload; empty when
 * there is nothing. nginx closes idle connections at a reload, and a visitor who asks on one just
 * then gets no answer: browsers ask again, other programs may not.
 */
export function reloadAdvice({ kind, version, configuration }: Front): string {
  if (kind !== 'nginx' || version === '') return ''
  const what = 'closes idle keep-alive connections at a reload, which a few visitors may notice'
  const first = PATIENT_NGINX.join('.')
  if (isBefore(version, PATIENT_NGINX)) {
    return `nginx ${version} ${what}: use nginx ${first} or newer with '${DIRECTIVE} 3s;'`
  }
  const patient = everyDirective(readConfiguration(configuration)).some(
    ({ name }) => name === DIRECTIVE
  )
  return patient ? '' : `nginx ${what}: set '${DIRECTIVE} 3s;' beside keepalive_timeout`
}

function isBefore(version: string, other: readonly number[]): boolean {
  const parts = version.split('.').map(Number)
  const at = other.findIndex((part, index) => (parts[index] ?? 0) !== part)
  return at >= 0 && (parts[at] ?? 0) < (other[at] as number)
}
