import path from 'node:path'
import * as core from '@actions/core'

/** A problem at a place in the checkout, which GitHub shows beside the line. */
export interface Annotation {
  title: string
  message: string
  /** Absolute, or relative to the checkout. */
  file: string
  line?: number | undefined
  endLine?: number | undefined
}

/** Writes a problem as an annotation; its file is told relative to the checkout. */
export function annotate({ title, message, file, line, endLine }: Annotation, env = process.env) {
  const root = env.GITHUB_WORKSPACE ?? process.cwd()
  core.error(message, {
    title,
    file: path.relative(root, path.resolve(root, file)),
    ...(line && { startLine: line }),
    ...(endLine && { endLine })
  })
}

/** A line of a tool that writes GitHub's annotations itself. */
export function isAnnotation(line: string): boolean {
  return /^::(error|warning|notice) /.test(line)
}

/** Hands such a line on as it is; the log would take it for text. */
export function passOn(line: string): void {
  core.info(line)
}
