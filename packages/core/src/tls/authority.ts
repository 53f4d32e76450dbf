/** The directory of Let's Encrypt. */
export const LETS_ENCRYPT = 'https://acme-v02.api.letsencrypt.org/directory'

const STAGINGS: Readonly<Record<string, string>> = {
  [LETS_ENCRYPT]: 'https://acme-staging-v02.api.letsencrypt.org/directory'
}

/** How an authority is named in CAA records when its directory does not say. */
const CAA_NAMES: Readonly<Record<string, readonly string[]>> = {
  [LETS_ENCRYPT]: ['letsencrypt.org']
}

/** The directory of an authority's staging, where it is known. */
export function stagingOf(directory: string): string | undefined {
  return STAGINGS[directory]
}

/** Names that allow an authority in CAA records: what is known of it and what its directory says. */
export function caaNames(directory: string, said: readonly string[]): readonly string[] {
  return [...new Set([...(CAA_NAMES[directory] ?? []), ...said])]
}

/**
 * The profile to ask for: an order that names none gets any of them at some authorities. `classic` is
 * the one that every client understands; undefined profiles mean an authority without profiles.
 */
export function chooseProfile(offered: readonly string[]): string {
  return ['classic', 'default'].find(name => offered.includes(name)) ?? offered[0] ?? 'classic'
}
