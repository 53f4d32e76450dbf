/** One word of a POSIX shell command, whatever it contains. */
export function quote(word: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word
  return `'${word.replaceAll("'", `'\\''`)}'`
}

/** A command of a POSIX shell from its words. */
export function command(words: readonly string[]): string {
  return words.map(quote).join(' ')
}
