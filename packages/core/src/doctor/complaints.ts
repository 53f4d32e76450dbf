import { type Service, serviceNames } from '../app/compose.ts'
import { didYouMean, list } from '../base/names.ts'
import { type Row, rowsOf } from '../deploy/row.ts'
import { type BOX_PROBES, type Box, readWords } from './boxes.ts'
import { composeCommand, type Seen } from './seen.ts'

const { warning, error } = rowsOf('database')

/** A way in which programs complain of a database that they cannot use. */
interface Complaint {
  name: string
  found: (match: RegExpExecArray) => string
  pattern: RegExp
  cause: (match: RegExpExecArray, seen: Seen) => string
  next: (match: RegExpExecArray, seen: Seen) => string
}

const KINDS: Complaint[] = [
  {
    name: 'password',
    pattern: /authentication failed for user "?([^"\s]+?)"?(?:$|[\s.,])|WRONGPASS|NOAUTH/i,
    found: match => (match[1] ? `refused for user '${match[1]}'` : 'refused'),
    cause: () =>
      'the password that it uses is not the one that the data was made with: POSTGRES_PASSWORD counts only when a volume is new',
    next: (match, seen) =>
      `put the former password back into .env (kept versions: ${seen.config.path}/.diveops/env/), or set the new one: ` +
      psql(seen, "-c '\\password'", match[1])
  },
  {
    name: 'database or role',
    pattern: /(database|role) "([^"]+)" does not exist/i,
    found: match => `${match[1]} '${match[2]}' does not exist`,
    cause: () =>
      'POSTGRES_DB and POSTGRES_USER count only when a volume is new; later they only say where to connect',
    next: (_match, seen) => psql(seen, '-d postgres -l, and correct the name in .env')
  },
  {
    name: 'name',
    pattern:
      /could not translate host name "([^"]+)"|getaddrinfo (?:ENOTFOUND|EAI_AGAIN) (\S+)|lookup (\S+?)(?: on \S+)?: no such host|host not found in upstream "([^":]+)|(?:name or service not known|temporary failure in name resolution)/i,
    found: match => `'${nameIn(match) ?? 'a name'}' leads nowhere`,
    cause: (match, { project }) => {
      const known = project
        ? Object.keys(project.services).flatMap(one => serviceNames(project, one))
        : []
      const name = nameIn(match)
      return name !== undefined && known.includes(name)
        ? `service '${name}' does not run, or shares no network with it`
        : `no service has this name${name === undefined ? '' : didYouMean(name, known)}; there are ${list(known)}`
    },
    next: (_match, seen) => composeCommand(seen, 'ps -a, then correct the host name in .env')
  },
  {
    name: 'connections',
    pattern: /too many clients|remaining connection slots/i,
    found: () => 'all taken',
    cause: () => 'more connections are open than max_connections allows',
    next: (_match, seen) =>
      psql(seen, "-c 'select count(*), state from pg_stat_activity group by state'")
  },
  {
    name: 'connection',
    pattern: /connection refused|ECONNREFUSED/i,
    found: () => 'refused',
    cause: () => 'nothing listens at the address and port that it connects to, or not yet',
    next: (_match, seen) => composeCommand(seen, 'ps -a, then compare host and port in .env')
  }
]

function nameIn(match: RegExpExecArray): string | undefined {
  return match.slice(1).find(group => group !== undefined)
}

/** What the logs of clients say of their connections, one row a client. */
export function complaintRows(seen: Seen<keyof typeof BOX_PROBES>, boxes: readonly Box[]): Row[] {
  const recent = readWords(seen.sections.complaints, 'log')
  const ends = readWords(seen.sections.words, 'log')
  return boxes
    .filter(box => !isServer(box))
    .flatMap(({ name, service }) => {
      const lines = [...(ends.get(name) ?? []), ...(recent.get(name) ?? [])]
      const made = KINDS.flatMap(kind => rowOf(seen, kind, service, lines, ends.has(name)))
      // The one that comes first in the table is the cause of those after it.
      return made.slice(0, 1)
    })
}

function rowOf(
  seen: Seen,
  { name, pattern, found, cause, next }: Complaint,
  service: string,
  lines: readonly string[],
  troubled: boolean
): Row[] {
  const line = lines.findLast(one => pattern.test(one))
  const match = line === undefined ? null : pattern.exec(line)
  if (!match) return []
  // A client that is well again may have complained a moment ago.
  const make = troubled ? error : warning
  return [
    make(`${name} of ${service}`, found(match), {
      cause: cause(match, seen),
      next: next(match, seen),
      details: [line as string]
    })
  ]
}

/** Whether it runs a database server, whose log has the complaints of clients that it does not name. */
function isServer({ command }: Box): boolean {
  return /^(postgres|redis-server|valkey-server|mysqld|mariadbd|mongod|-)/.test(command?.[0] ?? '')
}

/** A psql command in the app's PostgreSQL. */
function psql(seen: Seen, words: string, user?: string): string {
  const isDatabase = ({ image = '' }: Service) => /postgres|postgis|pgvector|timescale/.test(image)
  const all = Object.entries(seen.project?.services ?? {})
  const [name = 'db', one] = all.find(([, each]) => isDatabase(each)) ?? []
  const as = user ?? one?.environment?.POSTGRES_USER ?? 'postgres'
  return composeCommand(seen, `exec ${name} psql -U ${as} ${words}`)
}
