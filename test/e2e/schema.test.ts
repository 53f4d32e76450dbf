import { resetVps, up, vpsExec } from '@diveops/lab'
import { beforeAll, expect, jest, test } from '@jest/globals'
import type { Options, Outcome } from '../harness/action.ts'
import { buildExample, buildWithMigrations, checkoutExample } from '../harness/example.ts'
import { operator, visit } from '../harness/site.ts'
import { deployTiny, rollbackTiny, snapshot } from '../harness/tiny.ts'

jest.setTimeout(900_000)

const migration = (
  after: string,
  operations: string,
  more = ''
) => `from django.db import migrations, models

def stop(apps, schema_editor):
    raise RuntimeError("the last page is missing")

class Migration(migrations.Migration):
    ${more}
    dependencies = [("bookings", "${after}")]
    operations = [${operations}]
`
const nickname = migration(
  '0002_sites',
  'migrations.AddField("divesite", "nickname", models.CharField(max_length=20, default=""))'
)
const half = migration(
  '0003_nickname',
  'migrations.RunSQL("CREATE TABLE half ()"), migrations.RunPython(stop)',
  'atomic = False'
)
const log = migration('0003_nickname', 'migrations.RunSQL("CREATE TABLE log ()")')

const digests: Record<string, string> = {}
let workspace = ''
let first: Outcome
let second: Outcome

beforeAll(async () => {
  await up(() => {})
  await resetVps()
  workspace = await checkoutExample()
  const e1 = await buildExample(workspace, 'e1')
  const with3 = { '0003_nickname': nickname }
  digests.e1 = e1
  const with4 = { ...with3, '0004_log': log }
  digests.e2 = await buildWithMigrations(e1, 'e2', with3)
  digests.half = await buildWithMigrations(e1, 'half', { ...with3, '0004_half': half })
  digests.log = await buildWithMigrations(e1, 'log', with4)
  digests.dead = await buildWithMigrations(e1, 'dead', with4, 'CMD ["false"]')
  first = await deploy('e1')
})

function deploy(name: string, inputs: Record<string, string> = {}, options: Options = {}) {
  const shared = { digest: digests[name] as string, strategy: 'roll' }
  return deployTiny(workspace, { ...shared, ...inputs }, options)
}

function sql(text: string): Promise<string> {
  return operator(
    `docker compose -f docker-compose.prod.yml exec -T db psql -XAt -U diveops -d diveops <<'SQL'\n${text}\nSQL`
  )
}

async function release(): Promise<string> {
  return JSON.parse((await visit('happydiving.mx', '/health/')).body).release
}

async function backups(): Promise<string[]> {
  return (await operator('ls backups 2> /dev/null || true')).trim().split('\n').filter(Boolean)
}

function errors({ log: text }: Outcome): string[] {
  return text
    .split('\n')
    .filter(line => line.startsWith('::error::'))
    .map(decodeURIComponent)
}

/** Inserts rows into the database, one after the other, until it is stopped. */
function startWriter(): { stop: () => Promise<void> } {
  const writing = vpsExec(
    `docker exec -i diveops_db_prod psql -q -U diveops -d diveops >/dev/null <<'SQL'
SET application_name = 'writer';
CREATE TABLE IF NOT EXISTS written (at timestamptz DEFAULT clock_timestamp());
INSERT INTO written DEFAULT VALUES \\watch 0.02
SQL`
  )
  return {
    stop: async () => {
      await sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'writer'"
      )
      await writing
    }
  }
}

test('the first deploy tells all migrations and needs no backup', async () => {
  expect(first.log).not.toContain('::error::')
  expect(first.outputs.state).toBe('live')
  const plan = JSON.parse(first.outputs.plan ?? '')
  expect(plan.migrations.map(({ name }: { name: string }) => name)).toContain('bookings.0002_sites')
  expect(first.log).not.toContain('breaks the release that still serves')
  expect(await backups()).toEqual([])
  const manifest = JSON.parse(await operator('cat current/release.json'))
  expect(manifest.migrations).toContain('bookings.0001_initial')
})

test('before the pull a plan does not know of migrations, and changes nothing', async () => {
  const before = await snapshot()
  const outcome = await deploy('e2', { 'plan-only': 'true' })
  expect(outcome.outputs.state).toBe('planned')
  expect(JSON.parse(outcome.outputs.plan ?? '').migrations).toBeUndefined()
  expect(await snapshot()).toBe(before)
})

test('pending migrations: what breaks the live release is told, and a backup is proven while rows are written', async () => {
  const writer = startWriter()
  let stopped: Promise<void> | undefined
  const onOutput = (text: string) => {
    if (text.includes('→ release')) stopped ??= writer.stop()
  }
  second = await deploy('e2', {}, { onOutput })
  await (stopped ?? writer.stop())
  expect(errors(second)).toEqual([])
  expect(second.outputs.state).toBe('live')
  expect(second.log).toContain('migrations pending: 1')
  expect(second.log).toContain(
    'breaks the release that still serves: Add field nickname to divesite: NOT NULL without a default'
  )
  const [file] = await backups()
  expect(file).toBe(`${second.outputs.release}-db-diveops.dump`)
  expect(await operator(`stat -c %a backups backups/${file}`)).toBe('700\n600\n')
  expect(second.log).toMatch(
    /backups\/\S+\.dump: \d+ kB, \d+ tables with \d+ rows, proven by a restore/
  )
  expect(await sql("SELECT count(*) FROM pg_database WHERE datname LIKE 'diveops_%'")).toBe('0\n')
  expect(Number(await sql('SELECT count(*) FROM written'))).toBeGreaterThan(20)
  expect(second.summary).toContain('Add field nickname to divesite')
  const journal = (await operator('cat .diveops/journal.jsonl')).trim().split('\n')
  const plans = journal.map(line => JSON.parse(line)).filter(line => line.plan)
  expect(plans.at(-1)).toMatchObject({
    release: second.outputs.release,
    plan: { migrations: [{ name: 'bookings.0003_nickname' }] }
  })
})

test('the line that is told puts the backup back, and keeps what was there', async () => {
  const line = /to put it back, on the host run: (.+)/.exec(second.log)?.[1] as string
  const rows = await sql('SELECT count(*) FROM written')
  await operator(line)
  expect(await sql("SELECT name FROM django_migrations WHERE app = 'bookings' ORDER BY 1")).toBe(
    '0001_initial\n0002_sites\n'
  )
  expect(Number(await sql('SELECT count(*) FROM written'))).toBeLessThan(Number(rows))
  const until = (await sql("SELECT datname FROM pg_database WHERE datname LIKE '%_until_%'")).trim()
  expect(await sql(`\\c ${until}\nSELECT count(*) FROM written`)).toContain(rows)
  await operator('docker compose -f docker-compose.prod.yml exec -T web python manage.py migrate')
  await operator(`docker compose -f docker-compose.prod.yml exec -T db dropdb -U diveops ${until}`)
})

test('a rollback to a release that does not know the schema is refused, and done when that is accepted', async () => {
  const before = await snapshot()
  const refused = await rollbackTiny()
  expect(refused.code).toBe(1)
  expect(refused.outputs.state).toBe('untouched')
  expect(errors(refused)).toHaveLength(1)
  expect(errors(refused)[0]).toMatch(
    /release '\S+' does not know: bookings\.0003_nickname; .*accept-newer-schema: true/
  )
  expect(await release()).toBe('e2')
  expect(await snapshot()).toBe(before)
  const accepted = await rollbackTiny({ 'accept-newer-schema': 'true' })
  expect(errors(accepted)).toEqual([])
  expect(accepted.outputs.state).toBe('live')
  expect(accepted.log).toMatch(/::warning::.*does not know: bookings\.0003_nickname/)
  expect(await release()).toBe('e1')
})

test('without pending migrations there is no backup', async () => {
  const before = await backups()
  const outcome = await deploy('e2')
  expect(outcome.outputs.state).toBe('live')
  expect(outcome.log).toContain('migrations: none pending')
  expect(await backups()).toEqual(before)
})

test('a migration that fails half-way leaves the release serving and names the backup', async () => {
  const outcome = await deploy('half')
  expect(outcome.code).toBe(1)
  expect(outcome.outputs.state).toBe('untouched')
  const [newest] = (await backups()).reverse()
  expect(errors(outcome)).toEqual([
    expect.stringMatching(
      `manage.py migrate --noinput' in service 'web' failed with exit code 1; the database as it was before is in /opt/diveops/backups/${newest}`
    )
  ])
  expect(outcome.log).toContain('the last page is missing')
  expect(outcome.log).toMatch(/may break or lock: Raw SQL operation/)
  expect(outcome.log).toContain('to put it back, on the host run: ')
  expect(await sql("SELECT to_regclass('half')")).toBe('half\n')
  expect(await release()).toBe('e2')
})

test('a disk that is too small for the backup stops the deploy before anything changes', async () => {
  await vpsExec(`mv /opt/diveops/backups /root/kept && mkdir /opt/diveops/backups
mount -t tmpfs -o size=4m,mode=700,uid=$(id -u captain),gid=$(id -g captain) tmpfs /opt/diveops/backups`)
  try {
    const before = await snapshot()
    const outcome = await deploy('log')
    expect(errors(outcome)).toEqual([
      expect.stringMatching(/too little space for a backup of database 'diveops'.* 4 MB are free/)
    ])
    expect(outcome.outputs.state).toBe('untouched')
    expect(await backups()).toEqual([])
    expect(await snapshot()).toBe(before)
    expect(await sql("SELECT to_regclass('log')")).toBe('\n')
  } finally {
    await vpsExec(
      'umount /opt/diveops/backups && rmdir /opt/diveops/backups && mv /root/kept /opt/diveops/backups'
    )
  }
})

test('a disk that fills up while the backup is written stops the deploy before anything changes', async () => {
  const folder = '/opt/diveops/backups'
  await sql(
    'CREATE TABLE bulk AS SELECT gen_random_uuid() AS a, gen_random_uuid() AS b FROM generate_series(1, 400000)'
  )
  await vpsExec(`mv ${folder} /root/kept && mkdir ${folder}
mount -t tmpfs -o size=200m,mode=700,uid=$(id -u captain),gid=$(id -g captain) tmpfs ${folder}`)
  let filling: Promise<unknown> | undefined
  const fill = `until ls ${folder}/*.part > /dev/null 2>&1; do sleep 0.01; done
fallocate -l "$(df -Pk ${folder} | awk 'END { print $4 }')K" ${folder}/others`
  try {
    const before = await snapshot()
    const outcome = await deploy(
      'log',
      {},
      {
        onOutput: text => {
          if (text.includes('→ backup')) filling ??= vpsExec(fill)
        }
      }
    )
    await filling
    expect(errors(outcome)).toEqual([
      expect.stringMatching(
        /the backup cannot be written to \S+\.part: No space left on device; the run ends before the database is changed/
      )
    ])
    expect(outcome.outputs.state).toBe('untouched')
    await vpsExec(`rm ${folder}/others`)
    expect(await snapshot()).toBe(before)
    expect(await sql("SELECT to_regclass('log')")).toBe('\n')
  } finally {
    await vpsExec(`umount ${folder} && rmdir ${folder} && mv /root/kept ${folder}`)
    await sql('DROP TABLE bulk')
  }
  expect(await release()).toBe('e2')
})

test('a release that fails after it migrated is taken back with a warning', async () => {
  const outcome = await deploy('dead', { 'health-timeout': '20s' })
  expect(outcome.outputs.state).toBe('restored')
  expect(outcome.log).toMatch(/::warning::the database keeps the migrations .*bookings\.0004_log/)
  expect(await release()).toBe('e2')
})
