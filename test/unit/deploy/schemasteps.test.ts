import { expect, test } from '@jest/globals'
import { type AppConfig, parseConfig } from '../../../packages/core/src/app/config.ts'
import { readNames, type Schema } from '../../../packages/core/src/app/migrations.ts'
import type { Log } from '../../../packages/core/src/base/log.ts'
import { silentLog } from '../../../packages/core/src/base/log.ts'
import { readBackups } from '../../../packages/core/src/deploy/backup.ts'
import type { Place } from '../../../packages/core/src/deploy/library.ts'
import {
  backupFor,
  judgeSchema,
  warnOfNewerSchema,
  withBackup
} from '../../../packages/core/src/deploy/schemasteps.ts'
import { StepFailure } from '../../../packages/core/src/deploy/step.ts'
import type { Target } from '../../../packages/core/src/deploy/target.ts'
import type { Manifest } from '../../../packages/core/src/release/manifest.ts'

const place: Place = {
  path: '/opt/diveops',
  compose: 'docker-compose.prod.yml',
  project: 'app',
  release: '20261124-141500-abcdef0'
}
const target = {
  project: {
    name: 'app',
    services: { web: { image: 'ghcr.io/a/b' }, db: { image: 'postgres:16' } }
  },
  built: ['web'],
  proxy: undefined
} as unknown as Target
const DJANGO = 'release: [{web: python manage.py migrate}]\n'
const OTHER = 'release: [{web: bin/prepare}]\n'
const OWN = 'backup: {service: db, command: mysqldump}\n'

function warnings(): Log & { texts: string[] } {
  const texts: string[] = []
  return { ...silentLog, texts, warning: text => texts.push(text) }
}

const some: Schema = readNames('b\n', 'a\n')
const none: Schema = readNames('', 'a\n')
const fresh: Schema = readNames('a\nb\n', '')

test.each<[string, string, Schema | undefined, boolean, RegExp | undefined]>([
  ['migrations are pending', DJANGO, some, false, /backup_postgres/],
  ['they are, in a database that was there before', DJANGO, some, true, /backup_postgres/],
  ['the image could not be asked', DJANGO, undefined, false, /backup_postgres/],
  ['an own command, migrations pending', DJANGO + OWN, some, false, /backup_command db mysqldump/],
  ['an own command, and nothing tells', OTHER + OWN, undefined, false, /backup_command/],
  ['none are pending', DJANGO, none, false, undefined],
  ['the database is new', DJANGO, fresh, true, undefined],
  ['nothing tells of migrations', OTHER, undefined, false, undefined],
  ['it is off', `${DJANGO}backup: off\n`, some, false, undefined]
])('backup when %s', (_name, text, schema, first, expected) => {
  const config: AppConfig = parseConfig(text)
  const script = backupFor(place, target, config, schema, silentLog, first)
  if (expected === undefined) expect(script).toBeUndefined()
  else expect(script?.split('step backup')[1]).toMatch(expected)
})

test('a database that cannot be backed up is a warning', () => {
  const log = warnings()
  const schema = { ...some, database: { vendor: 'sqlite', name: 'x', host: '' } }
  expect(backupFor(place, target, parseConfig(DJANGO), schema, log, false)).toBeUndefined()
  expect(log.texts).toEqual([
    "no backup is made: the database is sqlite; diveops.yml can name a command ('backup')"
  ])
})

test('a release that knows all that is applied is gone back to', () => {
  const log = warnings()
  const release = { id: 'r1', migrations: ['a', 'of an app that is gone'] } as unknown as Manifest
  const applied = readNames('', 'a\nof an app that is gone\n')
  judgeSchema(release, { ...applied, known: ['a'] }, false, log)
  expect(log.texts).toEqual([])
})

test('one that does not is refused in one line, or warned of', () => {
  const release = { id: 'r1', migrations: ['a'] } as unknown as Manifest
  const schema = { ...readNames('', 'a\nb\nc\nd\ne\nf\ng\nh\n'), known: ['a'] }
  expect(() => judgeSchema(release, schema, false, silentLog)).toThrow(
    /^the database has migrations that release 'r1' does not know: b, c, d, e, f and 2 more; .*Set accept-newer-schema: true/
  )
  const log = warnings()
  judgeSchema(release, schema, true, log)
  expect(log.texts).toEqual([expect.stringContaining('b, c, d, e, f and 2 more; it goes back')])
})

test('commands tell what is applied, and release.json what the release knows', () => {
  const schema = readNames('', 'a\nb\n')
  const release = { id: 'r1', migrations: ['a'] } as unknown as Manifest
  expect(() => judgeSchema(release, schema, false, silentLog)).toThrow(/does not know: b;/)
  judgeSchema({ id: 'r1' } as Manifest, schema, false, silentLog)
})

test('a release whose migrations the database lacks is warned of', () => {
  const log = warnings()
  judgeSchema({ id: 'r1' } as Manifest, some, false, log)
  expect(log.texts[0]).toBe(
    "the database lacks migrations that release 'r1' brings: b; no rollback migrates"
  )
})

test('after a restore the migrations of the failed release are named, and only then', () => {
  const log = warnings()
  warnOfNewerSchema({ state: 'unknown', release: 'r1' }, some, log)
  warnOfNewerSchema({ state: 'restored', release: 'r1' }, none, log)
  warnOfNewerSchema({ state: 'restored', release: 'r1' }, some, log)
  expect(log.texts).toEqual([expect.stringMatching(/keeps the migrations .* 'r1' .*: b$/)])
})

test('a failure after the backup names it, one before it does not', () => {
  const said = new Map([['backups', 'backups/x.dump|db|app|me;backups/y.backup|cache||;']])
  expect(readBackups(said)).toEqual([
    { file: 'backups/x.dump', service: 'db', postgres: { database: 'app', user: 'me' } },
    { file: 'backups/y.backup', service: 'cache', postgres: undefined }
  ])
  const after = withBackup(new StepFailure('it failed', [], said), place, ['web'], silentLog)
  expect((after as Error).message).toBe(
    'it failed; the database as it was before is in /opt/diveops/backups/x.dump, /opt/diveops/backups/y.backup'
  )
  const before = new StepFailure('it failed', [], new Map())
  expect(withBackup(before, place, ['web'], silentLog)).toBe(before)
})
