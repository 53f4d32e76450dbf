import { type Document, isMap, isScalar, type LineCounter, type Node, visit } from 'yaml'

/** The line of a key in a YAML file; of the nearest key around it when it is not there itself. */
export function lineOfKey(
  document: Document,
  lines: LineCounter,
  keys: readonly PropertyKey[]
): number | undefined {
  for (let depth = keys.length; depth > 0; depth--) {
    const parent = document.getIn(keys.slice(0, depth - 1), true)
    const pair = isMap(parent)
      ? parent.items.find(({ key }) => isScalar(key) && key.value === keys[depth - 1])
      : undefined
    const node = (pair?.key ?? document.getIn(keys.slice(0, depth), true)) as Node | undefined
    if (node?.range) return lines.linePos(node.range[0]).line
  }
  return undefined
}

/** The line of the first key or value under a key that `found` says yes to. */
export function lineOfValue(
  document: Document,
  lines: LineCounter,
  under: readonly PropertyKey[],
  found: (text: string) => boolean
): number | undefined {
  let line: number | undefined
  const root = document.getIn(under, true) as Node | undefined
  if (root === undefined) return undefined
  visit(root, {
    Scalar: (_, node) => {
      if (!node.range || !found(String(node.value))) return undefined
      line = lines.linePos(node.range[0]).line
      return visit.BREAK
    }
  })
  return line
}
