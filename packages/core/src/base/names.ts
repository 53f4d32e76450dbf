import leven from 'leven'

/** The known name nearest to what was written, when it is near enough to be a slip of the pen. */
export function nearest(written: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map(name => ({ name, distance: leven(written.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)
  const best = ranked[0]
  return best && best.distance <= Math.max(2, Math.floor(best.name.length / 3))
    ? best.name
    : undefined
}

/** ` (did you mean 'x'?)` or nothing, to put at the end of a message about an unknown name. */
export function didYouMean(written: string, known: readonly string[]): string {
  const name = nearest(written, known)
  return name === undefined ? '' : ` (did you mean '${name}'?)`
}

/** Names as a sentence lists them: `'a', 'b' and 'c'`. */
export function list(names: readonly string[]): string {
  const quoted = names.map(name => `'${name}'`)
  if (quoted.length < 2) return quoted.join('')
  return `${quoted.slice(0, -1).join(', ')} and ${quoted.at(-1)}`
}
