import { expect, test } from '@jest/globals'
import { parseConfig } from '../../../packages/core/src/app/config.ts'
import {
  inquiry,
  knownMigrations,
  readDjango,
  readNames,
  risks
} from '../../../packages/core/src/app/migrations.ts'

function asked(command: string) {
  const found = inquiry(parseConfig(`release:\n  - web: ${JSON.stringify(command)}\n`))
  return found?.by === 'django' ? [found.words.join(' '), found.database] : undefined
}

test.each([
  ['python manage.py migrate --noinput', 'python manage.py shell -v 0', 'default'],
  [
    '/opt/venv/bin/python3.12 src/manage.py migrate',
    '/opt/venv/bin/python3.12 src/manage.py shell -v 0',
    'default'
  ],
  ['./manage.py migrate --database=tenants', './manage.py shell -v 0', 'tenants'],
  [
    'poetry run python manage.py migrate --database tenants',
    'poetry run python manage.py shell -v 0',
    'tenants'
  ],
  ['sh -c "python manage.py migrate && echo ok"', 'python manage.py shell -v 0', 'default'],
  [
    'sh -c "cd app; X=1 python -u manage.py migrate"',
    'env X=1 python -u manage.py shell -v 0',
    'default'
  ],
  [
    'django-admin migrate --settings app.prod',
    'django-admin shell -v 0 --settings=app.prod',
    'default'
  ]
])('%s is asked as %s', (command, words, database) => {
  expect(asked(command)).toEqual([words, database])
})

test.each([
  'python manage.py collectstatic',
  'python manage.py migrate_media',
  'alembic upgrade head'
])('%s tells nothing of migrations', command => expect(asked(command)).toBeUndefined())

test('commands of diveops.yml come before what is guessed', () => {
  const config = parseConfig(
    'release: [{web: python manage.py migrate}]\nmigrations: {service: worker, pending: bin/pending}\n'
  )
  expect(inquiry(config)).toEqual({
    by: 'commands',
    service: 'worker',
    pending: 'bin/pending',
    applied: undefined
  })
})

test('names are read a line each, and what is known is what will be applied', () => {
  const schema = readNames('003_more\n\n 004_last \r\n', '001_first\n002_next\n')
  expect(schema.pending).toEqual([
    { name: '003_more', operations: [] },
    { name: '004_last', operations: [] }
  ])
  expect(knownMigrations(schema)).toEqual(['001_first', '002_next', '003_more', '004_last'])
})

test('without the applied ones nothing is known', () => {
  expect(knownMigrations(readNames('003_more\n', undefined))).toBeUndefined()
})

test('what Django does not say is not believed', () => {
  expect(readDjango('')).toBeUndefined()
  expect(readDjango('{"pending": []}')).toBeUndefined()
})

test('only operations that hurt are told', () => {
  const schema = readDjango(
    JSON.stringify({
      database: { vendor: 'postgresql', name: 'a', host: 'db' },
      applied: ['a.0001'],
      known: ['a.0001', 'a.0002'],
      pending: [
        {
          name: 'a.0002',
          operations: [
            { what: 'Create model B', risk: null, why: '' },
            { what: 'Remove field c from d', risk: 'breaks', why: 'the column is dropped' }
          ]
        }
      ]
    })
  )
  expect(schema?.pending.map(risks)).toEqual([
    [{ risk: 'breaks', text: 'Remove field c from d: the column is dropped' }]
  ])
})
