/** Which of the two nginx configurations serves: HTTPS once every certificate is there. */
export type Variant = 'https' | 'http'

/** Certificate and key files that an nginx configuration names, in order, without duplicates. */
export function certificatePaths(configuration: string): string[] {
  const withoutComments = configuration.replace(/(^|\s)#.*$/gm, '$1')
  const found = withoutComments.matchAll(
    /\bssl_(?:certificate|certificate_key)\s+["']?([^"';\s]+)["']?\s*;/g
  )
  return [...new Set([...found].map(match => match[1] as string))]
}
