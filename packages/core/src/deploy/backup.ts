import { type Project, serviceNames } from '../app/compose.ts'
import type { AppConfig } from '../app/config.ts'
import type { Schema } from '../app/migrations.ts'
import { quote } from '../base/shell.ts'
import { BACKUP_FUNCTIONS } from './backuplibrary.ts'
import { onHost, type Place } from './library.ts'
import type { Target } from './target.ts'

/** A backup that a run made. */
export interface Backup {
  /** Relative to the app's folder. */
  file: string
  service: string
  /** For one that was proven by a restore, and can be put back by it. */
  postgres: { database: string; user: string } | undefined
}

const POSTGRES = /(^|\/)(postgres|postgresql|postgis|pgvector|timescaledb)[^/]*$/

/** A backup by commands of the user's own. */
export type OwnBackup = Exclude<AppConfig['backup'], string>

/** Which services may be the app's PostgreSQL, and how sure that is. */
export interface Candidates {
  services: string[]
  /** Name of the database, when the app told it; else the service's own. */
  database: string | undefined
  /** Whether one of them must be it: its image or the app says so. */
  sure: boolean
}

/**
 * The services that may hold the app's database: the one that the app calls by name, else those
 * whose image is PostgreSQL, else every one that is not the app itself. A string says why there is
 * none.
 */
export function candidates(
  { project, built, proxy }: Pick<Target, 'project' | 'built' | 'proxy'>,
  database: Schema['database']
): Candidates | string {
  if (database && database.vendor !== 'postgresql') {
    return `the database is ${database.vendor}`
  }
  const others = Object.keys(project.services).filter(
    name => !built.includes(name) && name !== proxy
  )
  const images = others.filter(name => isPostgres(project, name))
  const named = others.filter(
    name => database && serviceNames(project, name).includes(database.host)
  )
  const host = images.length === 0 ? named : images.filter(name => named.includes(name))
  const name = database?.name
  if (host.length > 0) return { services: host, database: name, sure: true }
  if (database && named.length === 0 && /[.:]|^localhost$/.test(database.host)) {
    return `the database is at '${database.host}', which is no service of the compose file`
  }
  if (images.length > 0) return { services: images, database: undefined, sure: true }
  return { services: others, database: undefined, sure: false }
}

function isPostgres(project: Project, name: string): boolean {
  const image = project.services[name]?.image ?? ''
  return POSTGRES.test(image.replace(/@.*$/, '').replace(/:[^/]*$/, ''))
}

/**
 * Step backup: a dump of each PostgreSQL, or what the user's own command prints, into `backups/`,
 * named by the release. PostgreSQL's is proven by a restore into a scratch database. Any failure
 * ends the run before anything else has changed. Says `@backups` (see `readBackups`).
 */
export function backupScript(place: Place, what: Candidates | OwnBackup): string {
  return onHost(
    place,
    `${BACKUP_FUNCTIONS}
step backup
begin_backups
${'command' in what ? ownCommand(what) : dumps(what)}
end_backups`
  )
}

function dumps({ services, database, sure }: Candidates): string {
  const none = sure
    ? `fail ${quote(`service ${services.join(', ')}: no running PostgreSQL with pg_dump was found there to back up; see to it, or set backup: off in diveops.yml`)}`
    : `note 'warning: no backup is made: no service of the compose file is PostgreSQL; diveops.yml can name a command (backup)'`
  return `found=
for name in ${services.map(quote).join(' ')}; do
  database=
  for box in $(docker ps -q --no-trunc --filter "label=com.docker.compose.project=$N" --filter "label=com.docker.compose.service=$name" --filter label=com.docker.compose.oneoff=False | head -n 1); do
    pg sh -c 'command -v pg_dump && pg_isready -q' > /dev/null 2>&1 </dev/null || continue
    found=yes
    backup_postgres "$name" ${quote(database ?? '')}
  done
done
[ -n "$found" ] || ${none}`
}

function ownCommand(own: OwnBackup): string {
  return `backup_command ${[own.service, own.command, own.verify ?? ''].map(quote).join(' ')}`
}

/** Reads what the backup script said. */
export function readBackups(said: ReadonlyMap<string, string>): Backup[] {
  const rows = (said.get('backups') ?? '').split(';').filter(Boolean)
  return rows.map(row => {
    const [file = '', service = '', database, user = ''] = row.split('|')
    return { file, service, postgres: database ? { database, user } : undefined }
  })
}

/**
 * The line with which an operator puts a backup back: restored beside the present database first,
 * then both change names at once, so that nothing is lost when it fails and what was written since
 * is kept. Undefined for a backup of the user's own command.
 */
export function wayBack(
  { path, compose }: Pick<Place, 'path' | 'compose'>,
  { file, service, postgres }: Backup,
  stopped: readonly string[]
): string | undefined {
  if (!postgres) return undefined
  const { database, user } = postgres
  const dc = `docker compose -f ${quote(compose)}`
  const inside = [
    'set -e',
    'export PGPASSWORD="$POSTGRES_PASSWORD"',
    'now=$(date +%Y%m%d%H%M%S)',
    `createdb -U ${user} -T template0 ${database}_back`,
    `pg_restore -U ${user} -d ${database}_back --exit-on-error`,
    `psql -U ${user} -d postgres -1 -c "ALTER DATABASE \\"${database}\\" RENAME TO \\"${database}_until_$now\\"" -c "ALTER DATABASE \\"${database}_back\\" RENAME TO \\"${database}\\""`
  ].join('; ')
  return [
    `cd ${quote(path)}`,
    `${dc} stop ${stopped.map(quote).join(' ')}`,
    `${dc} exec -T ${quote(service)} sh -c '${inside}' < ${quote(file)}`,
    `${dc} start ${stopped.map(quote).join(' ')}`
  ].join(' && ')
}

/** Removes the oldest backups of each kind, beyond so many; only files named as ours are. */
export function pruneBackupsScript(place: Place, keep: number): string {
  return onHost(
    place,
    `ls backups 2> /dev/null | sed -nE 's/^([0-9]{8}-[0-9]{6}-[0-9a-f]{7}-(.+))$/\\2 \\1/p' | sort -k 2 -r |
awk -v keep=${keep} '++n[$1] > keep { print $2 }' | while read -r old; do rm -f "backups/$old"; done`
  )
}
