/** A container's health test as the words of a command to run inside it; undefined when it has none. */
export function testCommand(test: readonly string[] | undefined | null): string[] | undefined {
  if (!test || test.length < 2) return undefined
  const [kind, ...rest] = test
  if (kind === 'CMD') return rest
  if (kind === 'CMD-SHELL') return ['/bin/sh', '-c', rest.join(' ')]
  return undefined
}

/** Compose writes each `$` twice in a resolved file; a command wants it once. */
export function unescapeDollars(words: readonly string[]): string[] {
  return words.map(word => word.replaceAll('$$', '$'))
}
