import { LineCounter, parseDocument } from 'yaml'
import * as z from 'zod'
import { APP_PATH, APP_PATH_WORDS } from '../base/apppath.ts'
import { UserError } from '../base/errors.ts'
import { didYouMean } from '../base/names.ts'
import { parseDuration } from '../base/time.ts'
import { lineOfKey } from './yamlline.ts'

const serviceName = z.string().regex(/^[a-zA-Z0-9._-]+$/, 'a name of a compose service')
const variableName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'a name of an environment variable')
const domain = z
  .string()
  .regex(
    /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]{2,}$/i,
    'a domain name without scheme or path'
  )
const duration = z
  .string()
  .refine(text => parseDuration(text) !== undefined, "a duration such as '250ms', '60s' or '5m'")
const relativePath = z
  .string()
  .min(1)
  .refine(
    text => !text.startsWith('/') && !text.split('/').includes('..') && !/[\0\n]/.test(text),
    'a path inside the repository'
  )

const releaseCommand = z
  .object({
    again: z
      .boolean()
      .optional()
      .describe('Harmless to repeat: run again by restore and rollback. Others never are.')
  })
  .catchall(z.string().min(1))
  .refine(
    entry => Object.keys(entry).filter(key => key !== 'again').length === 1,
    "one 'service: command' pair (and 'again: true' beside it)"
  )

const backup = z.union(
  [
    z.enum(['auto', 'off']),
    z.strictObject({
      service: serviceName.describe('The service in whose container the commands run.'),
      command: z
        .string()
        .min(1)
        .describe('Run by sh; what it prints on standard output is the backup.'),
      verify: z
        .string()
        .min(1)
        .optional()
        .describe('Run by sh with the backup on standard input; must end with 0.')
    })
  ],
  { error: "'auto', 'off' or a mapping with service, command and perhaps verify" }
)

const schema = z
  .strictObject({
    $schema: z.string().optional().describe('For editors; not used.'),
    path: z
      .string()
      .regex(APP_PATH, APP_PATH_WORDS)
      .default('/opt/diveops')
      .describe('The folder of the app on the host.'),
    compose: relativePath
      .refine(
        text => !text.includes('/'),
        'a file at the root of the repository, so that its relative paths mean the same on the host'
      )
      .default('docker-compose.prod.yml')
      .describe('The compose file, from the root of the repository.'),
    files: z
      .array(relativePath)
      .optional()
      .describe(
        'What goes up besides the compose file. Default: what the compose file mounts or reads from the repository and git tracks.'
      ),
    proxy: z
      .strictObject({
        service: serviceName
          .optional()
          .describe('Default: the service that publishes port 80 or 443.'),
        http: relativePath
          .optional()
          .describe('nginx configuration while certificates are missing.'),
        https: relativePath
          .optional()
          .describe(
            'nginx configuration once every certificate is there; the file that the compose file mounts.'
          ),
        pairs: z
          .record(domain, z.strictObject({ http: relativePath, https: relativePath }))
          .default({})
          .describe(
            'Domains that bring two nginx configurations of their own, chosen by their own certificates.'
          )
      })
      .refine(
        ({ https, pairs }) => {
          const files = [https, ...Object.values(pairs).map(pair => pair.https)]
          return new Set(files).size === files.length
        },
        { message: 'an https file of its own for each pair', path: ['pairs'] }
      )
      .prefault({}),
    'stop-first': z
      .array(serviceName)
      .default([])
      .describe('Services that must never run twice at once, such as a single writer.'),
    release: z
      .array(releaseCommand)
      .default([])
      .describe('Commands run once per release, in the new image, before a visitor sees it.'),
    health: z
      .strictObject({
        path: z.string().startsWith('/').default('/health/'),
        timeout: duration.default('60s'),
        bake: duration
          .default('10s')
          .describe('How long the new release is watched while the old one still runs.'),
        errors: z
          .string()
          .regex(/^(100|\d{1,2}(\.\d+)?)%$/, "a share such as '5%'")
          .default('5%')
          .describe(
            'Of the answers that visitors get while it is watched, how many may be errors of the server (5xx) before the old one is put back; from three on, and only when the old one had fewer.'
          )
      })
      .prefault({}),
    domains: z.array(z.array(domain).min(1)).default([]).describe('One list for each certificate.'),
    env: z
      .strictObject({
        template: relativePath
          .default('.env.template')
          .describe('Where a missing .env comes from on the first deploy.'),
        https: z
          .record(variableName, z.string())
          .default({})
          .describe('Kept in step while the HTTPS configuration is chosen.'),
        http: z
          .record(variableName, z.string())
          .default({})
          .describe('Kept in step while the HTTP-only configuration is chosen.')
      })
      .prefault({}),
    migrations: z
      .strictObject({
        service: serviceName,
        pending: z
          .string()
          .min(1)
          .describe('Prints the names of the migrations that would be applied, one a line.'),
        applied: z
          .string()
          .min(1)
          .optional()
          .describe(
            'Prints the names of those that the database has; without it a rollback cannot tell whether the schema is newer.'
          )
      })
      .optional()
      .describe(
        "How to ask the new image, by sh and not through its entrypoint, which migrations are pending. Default: Django is asked when a release command runs 'manage.py migrate'."
      ),
    backup: backup
      .default('auto')
      .describe(
        'Before pending migrations: auto (PostgreSQL of the compose file, proven by a restore), off, or a command of your own.'
      ),
    keep: z
      .int()
      .min(1)
      .max(100)
      .default(5)
      .describe('Releases kept on the host as a way back, and backups.')
  })
  .describe('What an app is, for DiveOps Actions. Every key has a default.')

type Parsed = z.infer<typeof schema>

/** A command of a release: run in the new image of a service. */
export interface ReleaseCommand {
  service: string
  command: string
  again: boolean
}

/** What an app is, with every default filled in; durations in milliseconds. */
export interface AppConfig extends Omit<Parsed, '$schema' | 'release' | 'health' | 'stop-first'> {
  stopFirst: string[]
  release: ReleaseCommand[]
  health: { path: string; timeoutMs: number; bakeMs: number; errorsPercent: number }
}

/** The file's published JSON Schema, as plain data. */
export function configJsonSchema(): Record<string, unknown> {
  return {
    ...z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }),
    title: 'diveops.yml'
  }
}

/**
 * Reads the text of a diveops.yml; '' gives all defaults. Throws a `UserError` with the line, the
 * key, the value and what was expected.
 */
export function parseConfig(text: string, file = 'diveops.yml'): AppConfig {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  const broken = document.errors[0]
  if (broken) {
    const line = broken.linePos?.[0].line
    const message = `${file}: ${broken.message.split('\n')[0]?.replace(/:$/, '') ?? 'not YAML'}`
    throw new UserError(message, [], { place: { file, line } })
  }
  const result = schema.safeParse(document.toJS() ?? {}, { reportInput: true })
  if (result.success) return complete(result.data)
  const issue = result.error.issues[0] as z.core.$ZodIssue
  const at = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : issue.path
  const line = lineOfKey(document, lines, at)
  const where = line === undefined ? file : `${file}:${line}`
  throw new UserError(`${where}: ${complaint(issue, at)}`, [], { place: { file, line } })
}

function complaint(issue: z.core.$ZodIssue, at: readonly PropertyKey[]): string {
  const key = at.map(String).join('.') || 'the file'
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(issue.path)
    return `'${key}' is not known${didYouMean(issue.keys[0] ?? '', known)}; known here: ${known.join(', ')}`
  }
  const value = typeof issue.input === 'object' ? 'a list or mapping' : `'${String(issue.input)}'`
  return `'${key}': got ${issue.input === undefined ? 'nothing' : value}, expected ${expectation(issue)}`
}

function expectation(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type') return `a ${issue.expected}`
  if (issue.code === 'too_small') return `at least ${issue.minimum}`
  if (issue.code === 'too_big') return `at most ${issue.maximum}`
  return issue.message.replace(/^Invalid input: expected /, '')
}

function knownKeys(path: readonly PropertyKey[]): string[] {
  let node = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonNode
  for (const key of path) node = node.properties?.[String(key)] ?? node.additionalProperties ?? {}
  return Object.keys(node.properties ?? {}).filter(key => key !== '$schema')
}

interface JsonNode {
  properties?: Record<string, JsonNode>
  additionalProperties?: JsonNode
}

function complete({
  $schema: _,
  release,
  health,
  'stop-first': stopFirst,
  ...rest
}: Parsed): AppConfig {
  return {
    ...rest,
    stopFirst,
    release: release.map(entry => {
      const [service, command] = Object.entries(entry).find(([key]) => key !== 'again') as [
        string,
        string
      ]
      return { service, command, again: entry.again === true }
    }),
    health: {
      path: health.path,
      timeoutMs: parseDuration(health.timeout) as number,
      bakeMs: parseDuration(health.bake) as number,
      errorsPercent: Number.parseFloat(health.errors)
    }
  }
}
