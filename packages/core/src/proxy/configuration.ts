/** A directive of an nginx configuration: its name, its words, and what its block holds. */
export interface Directive {
  name: string
  words: readonly string[]
  block: Configuration | undefined
}

/** An nginx configuration with the files that it includes in their place. */
export type Configuration = readonly Directive[]

/** Where nginx looks for files that a configuration names without a leading slash. */
export const NGINX_FOLDER = '/etc/nginx'
const FILE_MARK = /^# configuration file (.+):$/gm
/** nginx itself stops at includes that include themselves; so does this. */
const DEEPEST_INCLUDE = 10

/**
 * Reads an nginx configuration: a file's text, with the files that it may include by their paths in
 * the container, or what `nginx -T` prints. An include that is not at hand counts as empty. Never
 * throws: what nginx would refuse is read as far as it makes sense.
 */
export function readConfiguration(
  text: string,
  included: ReadonlyMap<string, string> = new Map()
): Configuration {
  const files = new Map([...included, ...dumpedFiles(text)])
  const [main = text] = dumpedFiles(text).values()
  return expand(parse(main), 0)

  function expand(directives: Configuration, depth: number): Directive[] {
    return directives.flatMap(one => {
      if (one.name !== 'include' || one.block) {
        return [{ ...one, block: one.block && expand(one.block, depth) }]
      }
      const wanted = pathPattern(one.words[0] ?? '')
      const found = [...files].filter(([path]) => wanted.test(path)).sort(byPath)
      return depth < DEEPEST_INCLUDE
        ? found.flatMap(([, content]) => expand(parse(content), depth + 1))
        : []
    })
  }
}

/** Every directive of a configuration, those in blocks included. */
export function everyDirective(configuration: Configuration): Directive[] {
  return configuration.flatMap(one => [one, ...(one.block ? everyDirective(one.block) : [])])
}

/** The files in the output of `nginx -T`, the main one first; none when it is no such output. */
function dumpedFiles(text: string): Map<string, string> {
  const marks = [...text.matchAll(FILE_MARK)]
  return new Map(
    marks.map((mark, index) => [
      mark[1] as string,
      text.slice(mark.index + mark[0].length, marks[index + 1]?.index)
    ])
  )
}

function byPath([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1
}

/** A path in the container as nginx understands it. */
export function absolutePath(path: string): string {
  return path.startsWith('/') ? path : `${NGINX_FOLDER}/${path}`
}

/** The pattern of an include: `*` and `?` stand for anything but a slash. */
function pathPattern(path: string): RegExp {
  const pattern = absolutePath(path)
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]')
  try {
    return new RegExp(`^${pattern}$`)
  } catch {
    return /^$/
  }
}

/** One file's directives, includes not yet followed. */
function parse(text: string): Configuration {
  const outermost: Directive[] = []
  const open = [outermost]
  let words: string[] = []
  for (const token of tokens(text)) {
    const inner = open.at(-1) as Directive[]
    if (typeof token !== 'string') words.push(token.word)
    else if (token === '}') {
      if (open.length > 1) open.pop()
      words = []
    } else {
      const [name, ...rest] = words
      words = []
      const block: Directive[] | undefined = token === '{' ? [] : undefined
      if (name !== undefined) inner.push({ name, words: rest, block })
      if (block) open.push(block)
    }
  }
  return outermost
}

type Token = '{' | '}' | ';' | { word: string }

function* tokens(text: string): Generator<Token> {
  let at = 0
  while (at < text.length) {
    const char = text[at] as string
    if (/\s/.test(char)) at += 1
    else if (char === '#') {
      const end = text.indexOf('\n', at)
      at = end < 0 ? text.length : end
    } else if (char === ';' || char === '{' || char === '}') {
      yield char
      at += 1
    } else {
      const { word, end } = char === '"' || char === "'" ? quoted(text, at) : bare(text, at)
      yield { word }
      at = end
    }
  }
}

function quoted(text: string, from: number): { word: string; end: number } {
  let word = ''
  let at = from + 1
  for (; at < text.length && text[at] !== text[from]; at++) {
    if (text[at] === '\\' && /["'\\]/.test(text[at + 1] ?? '')) at += 1
    word += text[at] ?? ''
  }
  return { word, end: at + 1 }
}

/** A word without quotes ends at a space, `;` or `{`, but `${name}` is one word. */
function bare(text: string, from: number): { word: string; end: number } {
  let at = from
  for (; at < text.length; at++) {
    const char = text[at] as string
    if (char === '\\') at += 1
    else if (/[\s;]/.test(char) || (char === '{' && text[at - 1] !== '$')) break
  }
  return { word: text.slice(from, at), end: at }
}
