import path from 'node:path'
import { parse, YAMLParseError } from 'yaml'
import { UserError } from '../base/errors.ts'

/** Placeholders that keep an otherwise empty folder in git: such a folder is for data, not ours. */
const PLACEHOLDERS = new Set(['.gitkeep', '.gitignore', '.keep'])

/**
 * Paths that a compose file mounts or reads from the repository, relative to its own folder and
 * without duplicates. Read on the runner, before there is a connection, so paths that hold
 * variables are not known here: those belong in `files`.
 */
export function referencedPaths(composeText: string, file: string): string[] {
  let document: unknown
  try {
    document = parse(composeText, { merge: true })
  } catch (error) {
    const line = error instanceof YAMLParseError ? error.linePos?.[0].line : undefined
    const message = `${file}: ${(error as Error).message.split('\n')[0]}`
    throw new UserError(message, [], { place: { file, line } })
  }
  const found = new Set<string>()
  const add = (value: unknown) => {
    const relative = typeof value === 'string' ? repositoryPath(value) : undefined
    if (relative) found.add(relative)
  }
  for (const one of Object.values(mapping(mapping(document).services))) {
    const service = mapping(one)
    for (const volume of sequence(service.volumes)) add(mountSource(volume))
    for (const entry of sequence(service.env_file)) add(mapping(entry).path ?? entry)
    add(mapping(service.extends).file)
  }
  for (const kind of ['configs', 'secrets']) {
    for (const one of Object.values(mapping(mapping(document)[kind]))) add(mapping(one).file)
  }
  for (const entry of sequence(mapping(document).include)) {
    for (const one of sequence(mapping(entry).path ?? entry)) add(one)
  }
  found.delete('.env')
  return [...found]
}

/** Whether the tracked files under a mounted folder only hold its place for a container's data. */
export function isPlaceholder(tracked: readonly string[]): boolean {
  return tracked.length > 0 && tracked.every(file => PLACEHOLDERS.has(path.posix.basename(file)))
}

function mountSource(volume: unknown): unknown {
  if (typeof volume === 'string') return volume.includes(':') ? volume.split(':')[0] : undefined
  return mapping(volume).type === 'bind' ? mapping(volume).source : undefined
}

function repositoryPath(value: string): string | undefined {
  if (value.startsWith('/') || value.startsWith('~') || value.includes('$')) return undefined
  const named = !value.startsWith('.') && !value.includes('/')
  const relative = path.posix.normalize(value).replace(/\/$/, '')
  // A bare word before the colon is a named volume, not a path; with a dot it is a file's name.
  if (named && !value.includes('.')) return undefined
  return relative === '.' || relative.startsWith('..') ? undefined : relative
}

function mapping(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function sequence(value: unknown): unknown[] {
  if (Array.isArray(value)) return value
  return value === undefined || value === null ? [] : [value]
}
