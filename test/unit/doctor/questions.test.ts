import { execFileSync } from 'node:child_process'
import { expect, test } from '@jest/globals'
import { liveProbes } from '../../../packages/core/src/deploy/livefacts.ts'
import { PROBES } from '../../../packages/core/src/doctor/examine.ts'
import { FUNCTIONS } from '../../../packages/core/src/doctor/library.ts'
import { questionsScript, readAnswers } from '../../../packages/core/src/doctor/questions.ts'

const nasty = `a'b "c" $(touch /tmp/x) \`y\` \\`

test.each([
  ['facts', liveProbes(`/opt/${nasty}`, `docker ${nasty}.yml`, PROBES, FUNCTIONS).script],
  [
    'questions',
    questionsScript({
      project: nasty,
      doors: [nasty],
      origins: [`https://${nasty}`],
      healthPath: `/${nasty}`,
      folders: [{ origin: nasty, prefix: nasty, folder: nasty }],
      worker: nasty,
      names: [nasty]
    })
  ]
])('the script for %s is valid POSIX shell whatever names hold', (_name, script) => {
  expect(execFileSync('sh', ['-n'], { input: script, encoding: 'utf8' })).toBe('')
})

test('answers are read, with folders and files whose names have blanks', () => {
  const answers = readAnswers(`@lacks openssl
@site https://a.example 502
@folder /srv/static/ empty
@folder /srv/media/ file no 403 a b.png
@served a.example
-----BEGIN CERTIFICATE-----
x
-----END CERTIFICATE-----
`)
  expect(answers.lacks).toEqual(['openssl'])
  expect(answers.statuses.get('https://a.example')).toBe('502')
  expect(answers.folders.get('/srv/static/')).toEqual({ state: 'empty' })
  expect(answers.folders.get('/srv/media/')).toEqual({
    state: 'file',
    file: 'a b.png',
    readable: false,
    status: '403'
  })
  expect(answers.served.get('a.example')).toMatch(
    /^-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----$/
  )
})

test('the facts of a folder leave a .env that is there as it is', () => {
  const script = `set -e
SCRATCH=$(mktemp -d); export SCRATCH; app=$(mktemp -d)
printf 'SECRET_KEY=of the host\\n' > "$app/.env"; printf 'API_TOKEN=of the worker\\nA=b\\n' > "$app/worker.env"
echo 'services: {}' > "$app/docker-compose.prod.yml"
cat > "$SCRATCH/script"
sed -i "s#/opt/app#$app#" "$SCRATCH/script"
sh "$SCRATCH/script" > /dev/null 2>&1 || true
cat "$app/.env"; cat "$SCRATCH"/stage/*/.env "$SCRATCH"/stage/*/worker.env
ls -A "$app"; rm -rf "$SCRATCH" "$app"`
  const { script: facts } = liveProbes('/opt/app', 'docker-compose.prod.yml', {}, '')
  expect(
    execFileSync('sh', ['-c', script], { input: facts, encoding: 'utf8' }).split('\n')
  ).toEqual([
    'SECRET_KEY=of the host',
    'SECRET_KEY=redacted',
    'API_TOKEN=redacted',
    'A=b',
    '.env',
    'docker-compose.prod.yml',
    'worker.env',
    ''
  ])
})
