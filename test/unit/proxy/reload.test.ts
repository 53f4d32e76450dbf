import { execFileSync } from 'node:child_process'
import { expect, test } from '@jest/globals'
import { RELOAD_FUNCTIONS } from '../../../packages/core/src/proxy/reload.ts'

/** Runs a command after the functions; the engine answers questions like this, one time after the other. */
function run(command: string, ...answers: readonly string[]): string {
  const script = `SCRATCH=$(mktemp -d) FRONT=
sleep() { :; }
seconds() { echo 0; }
past() { :; }
took() { :; }
${RELOAD_FUNCTIONS}
FRONT=front FRONT_KIND=nginx
printf '%s\\n' ${answers.map(answer => `'${answer}'`).join(' ')} > "$SCRATCH/answers"
docker() { # an answer that begins with ! is a failure
  said=$(head -n 1 "$SCRATCH/answers"); sed -i 1d "$SCRATCH/answers"
  echo "\${said#!}" | tr '|' '\\n'
  case $said in !*) return 1 ;; esac; }
${command}
rm -r "$SCRATCH"`
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trim()
}

const RELOAD = 'if reload; then echo "reloaded, before: $before"; else cat "$SCRATCH/front.out"; fi'

test.each([
  ['that reloads', ['@before 7 8'], 'reloaded, before: 7 8'],
  [
    'that the engine could not ask at first',
    ['!OCI runtime exec failed', '@before 7'],
    'reloaded, before: 7'
  ],
  // Without the workers of before their requests would be taken for done.
  ['whose answer got lost', ['', '@before 7'], 'reloaded, before: 7'],
  [
    'that refuses',
    ['!nginx: [emerg] host not found', '!nginx: [emerg] host not found', '@before 7'],
    'nginx: [emerg] host not found'
  ]
])('a proxy %s', (_name, answers, expected) => {
  expect(run(RELOAD, ...answers)).toBe(expected)
})

test.each([
  ['serves on', '7|9|told', '7'],
  ['has ended', '9|told', ''],
  ['is not told of', '!', '7']
])('an old worker that %s', (_name, answer, expected) => {
  expect(run('before=7; unfinished old', answer)).toBe(expected)
})
