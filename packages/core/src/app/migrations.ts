import * as z from 'zod'
import type { AppConfig } from './config.ts'

/** How the image of a release is asked which migrations it has: words for a container's entrypoint. */
export type Inquiry =
  | { by: 'django'; service: string; words: string[]; database: string }
  | { by: 'commands'; service: string; pending: string; applied: string | undefined }

/** What an operation of a pending migration means for the release that still serves. */
export type Risk = 'breaks' | 'locks' | 'unknown'

const operation = z.object({
  what: z.string(),
  risk: z.enum(['breaks', 'locks', 'unknown']).nullable(),
  why: z.string()
})

const answer = z.object({
  database: z.object({ vendor: z.string(), name: z.string(), host: z.string() }),
  applied: z.array(z.string()),
  known: z.array(z.string()),
  pending: z.array(z.object({ name: z.string(), operations: z.array(operation) }))
})

/** A migration that the database does not have yet; without operations when these cannot be told. */
export interface Migration {
  name: string
  operations: z.infer<typeof operation>[]
}

/** What an image says of its migrations and of the database that it works with. */
export interface Schema {
  /** Undefined when only the names are known. */
  database: { vendor: string; name: string; host: string } | undefined
  pending: Migration[]
  /** Undefined when it cannot be told. */
  applied: string[] | undefined
  /** All that the image brings; empty when only its release.json can tell. */
  known: string[]
}

const MANAGE =
  /((?:[\w./:=+@%-]+[ \t]+)*?(?:[\w./-]*manage\.py|(?:[\w./-]*\/)?django-admin))[ \t]+migrate(?=[\s"';&|)]|$)([^"';&|)]*)/

/**
 * How to ask: as diveops.yml says, else Django by the interpreter and the path of the release command
 * that runs its migrations; undefined when nothing tells that the app has migrations at all.
 */
export function inquiry({ migrations, release }: Pick<AppConfig, 'migrations' | 'release'>) {
  if (migrations) {
    const { service, pending, applied } = migrations
    return { by: 'commands', service, pending, applied } satisfies Inquiry
  }
  for (const { service, command } of release) {
    const found = MANAGE.exec(command)
    if (!found) continue
    const [, program = '', rest = ''] = found
    const options = rest.trim().split(/\s+/)
    const database = option(options, '--database') ?? 'default'
    const kept = ['--settings', '--pythonpath'].flatMap(name => {
      const value = option(options, name)
      return value === undefined ? [] : [`${name}=${value}`]
    })
    const words = [...program.split(/\s+/), 'shell', '-v', '0', ...kept]
    // Assignments before the program are the shell's, and `env` knows them, too.
    const env = words[0]?.includes('=') ? ['env'] : []
    return { by: 'django', service, words: [...env, ...words], database } satisfies Inquiry
  }
  return undefined
}

function option(words: readonly string[], name: string): string | undefined {
  const at = words.findIndex(word => word === name || word.startsWith(`${name}=`))
  return at < 0 ? undefined : (/=(.*)/.exec(words[at] ?? '')?.[1] ?? words[at + 1])
}

/** Reads what Django said; undefined when that is something else. */
export function readDjango(text: string): Schema | undefined {
  try {
    return answer.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** Reads what the commands of diveops.yml printed, one name a line. */
export function readNames(pending: string, applied: string | undefined): Schema {
  const names = (text: string) => [
    ...new Set(
      text
        .split('\n')
        .map(line => line.trim())
        .filter(Boolean)
    )
  ]
  const waiting = names(pending)
  const there = applied === undefined ? undefined : names(applied)
  return {
    database: undefined,
    pending: waiting.map(name => ({ name, operations: [] })),
    applied: there,
    known: []
  }
}

/** The worst that a migration does to the release that still serves, with the operations that do it. */
export function risks({ operations }: Migration): { risk: Risk; text: string }[] {
  return operations.flatMap(({ what, risk, why }) =>
    risk ? [{ risk, text: `${what}: ${why}` }] : []
  )
}

/**
 * Everything that the schema of a release consists of once its migrations were applied, what the
 * database had from others included; undefined when the database cannot tell.
 */
export function knownMigrations({ applied, known, pending }: Schema): string[] | undefined {
  if (applied === undefined) return undefined
  return [...new Set([...applied, ...known, ...pending.map(({ name }) => name)])].sort()
}
