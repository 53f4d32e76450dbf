import type { AppConfig } from '../app/config.ts'
import { inquiry, type Schema } from '../app/migrations.ts'
import { UserError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Manifest } from '../release/manifest.ts'
import { type Backup, backupScript, candidates, readBackups, wayBack } from './backup.ts'
import type { Place } from './library.ts'
import { askScript, readSchema } from './migrations.ts'
import type { Outcome } from './outcome.ts'
import { StepFailure } from './step.ts'
import type { Target } from './target.ts'

/** Migrations named in one line, at most. */
const NAMED = 5

/** The script that asks the image of a release for its migrations; undefined when nobody knows how. */
export function inquiryScript(
  place: Place,
  target: Target,
  config: Pick<AppConfig, 'migrations' | 'release'>,
  timeoutS: number
): string | undefined {
  const asked = inquiry(config)
  return asked && askScript(place, target, asked, timeoutS)
}

/** Reads the answer; undefined, with a warning, when there was none. */
export function schemaOf(said: ReadonlyMap<string, string>, log: Log): Schema | undefined {
  const schema = readSchema(said)
  if (!('unasked' in schema)) return schema
  log.warning(
    `the image could not be asked for its migrations: ${schema.unasked}; diveops.yml can name commands ` +
      "that tell them ('migrations')"
  )
  return undefined
}

/**
 * The script of the backup that a deploy needs before its release commands, if any: when migrations
 * are pending, when they should have been told and were not, or always with a command of the user's
 * own where nothing tells. `first` is a deploy to a host where nothing was live.
 */
export function backupFor(
  place: Place,
  target: Target,
  config: AppConfig,
  schema: Schema | undefined,
  log: Log,
  first: boolean
): string | undefined {
  const { backup, release } = config
  if (backup === 'off') return undefined
  const asked = inquiry(config) !== undefined
  const untold = asked || (backup !== 'auto' && release.length > 0)
  const isEmpty = first && schema?.applied?.length === 0
  if (isEmpty || !(schema ? schema.pending.length > 0 : untold)) return undefined
  if (backup !== 'auto') return backupScript(place, backup)
  const found = candidates(target, schema?.database)
  if (typeof found !== 'string') return backupScript(place, found)
  log.warning(`no backup is made: ${found}; diveops.yml can name a command ('backup')`)
  return undefined
}

/** Tells where the backups of a run are and how an operator puts them back. */
export function tellBackups(
  place: Place,
  backups: readonly Backup[],
  built: readonly string[],
  log: Log
): void {
  for (const backup of backups) {
    const line = wayBack(place, backup, built)
    log.info(`  the database as it was before this release is in ${place.path}/${backup.file}`)
    if (line) log.info(`  to put it back, on the host run: ${line}`)
  }
}

/** Names in the error of a step after the backup the file that has the database as it was. */
export function withBackup(
  error: unknown,
  place: Place,
  built: readonly string[],
  log: Log
): unknown {
  if (!(error instanceof StepFailure)) return error
  const backups = readBackups(error.values)
  if (backups.length === 0) return error
  tellBackups(place, backups, built, log)
  const files = backups.map(({ file }) => `${place.path}/${file}`).join(', ')
  const text = `${error.message}; the database as it was before is in ${files}`
  return new StepFailure(text, error.details, error.values)
}

/** Migrations that the database has and a release does not know. */
export function unknownTo(release: Manifest, { applied = [], known }: Schema): string[] {
  // A release from before these were recorded, whose image does not tell either.
  if (release.migrations === undefined && known.length === 0) return []
  const its = new Set([...known, ...(release.migrations ?? [])])
  return applied.filter(name => !its.has(name))
}

/** Refuses, or warns when that is accepted, to go back to a release whose schema is older. */
export function judgeSchema(release: Manifest, schema: Schema, accept: boolean, log: Log): void {
  const missing = schema.pending.map(({ name }) => name)
  if (missing.length > 0) {
    log.warning(
      `the database lacks migrations that release '${release.id}' brings: ${some(missing)}; no rollback migrates`
    )
  }
  const newer = unknownTo(release, schema)
  if (newer.length === 0) return
  const text = `the database has migrations that release '${release.id}' does not know: ${some(newer)}`
  if (!accept) {
    throw new UserError(
      `${text}; it may fail on them or write what the newer release cannot read. Set accept-newer-schema: true ` +
        'to go back all the same; no rollback undoes migrations'
    )
  }
  log.warning(`${text}; it goes back all the same, as accepted`)
}

/** After a release that failed had migrated: the one that serves again works on its schema. */
export function warnOfNewerSchema(
  { state, release }: Pick<Outcome, 'state' | 'release'>,
  schema: Schema | undefined,
  log: Log
): void {
  const names = schema?.pending.map(({ name }) => name) ?? []
  if (names.length === 0 || state !== 'restored') return
  log.warning(
    `the database keeps the migrations of the release that failed, which release '${release}' does not know: ${some(names)}`
  )
}

function some(names: readonly string[]): string {
  const rest = names.length - NAMED
  const shown = names.slice(0, NAMED).join(', ')
  return rest > 0 ? `${shown} and ${rest} more` : shown
}
