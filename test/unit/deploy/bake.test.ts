import { execFileSync } from 'node:child_process'
import { expect, test } from '@jest/globals'
import { BAKE_FUNCTIONS } from '../../../packages/core/src/deploy/bakelibrary.ts'
import { drainSeconds } from '../../../packages/core/src/deploy/drain.ts'
import { ROLL_FUNCTIONS } from '../../../packages/core/src/deploy/rolllibrary.ts'

function count(log: string): string {
  const script = `${BAKE_FUNCTIONS}\ncount_answers <<'LOG'\n${log}\nLOG`
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trim()
}

const line = (status: number, agent = 'Mozilla/5.0', from = '203.0.113.7') =>
  `${from} - - [24/Nov/2026:10:00:00 +0000] "GET /a?b=%22%20503%20 HTTP/1.1" ${status} 612 "-" "${agent}"`
const limited =
  '2026/11/24 10:00:00 [error] 31#31: *9 limiting requests, excess: 20.9 by zone "api", client: 203.0.113.7'

test.each([
  ['nothing', '', '0 0'],
  ['good answers and errors', [200, 500, 404, 502].map(status => line(status)).join('\n'), '2 4'],
  ['our own questions', `${line(500, 'diveops-watch')}\n${line(500, 'x', '127.0.0.1')}`, '0 0'],
  ['JSON', '{"status":"500","uri":"/"}\n{"status": 200}', '1 2'],
  ['what nginx refuses by a limit', `${limited}\n${line(503)}\n${line(503)}`, '1 2'],
  ['a limit that answers something else', `${limited}\n${line(429)}\n${line(500)}`, '1 2'],
  ['lines that are none', 'starting\n2026/11/24 10:00:00 [notice] 1#1: signal 1', '0 0']
])('answers to visitors are counted in the log of nginx: %s', (_name, log, expected) => {
  expect(count(log)).toBe(expected)
})

test.each([
  [undefined, 40],
  ['40s', 40],
  ['1m30s', 90],
  ['5s', 10],
  ['500ms', 10],
  ['1h0m0s', 300]
])('with a stop_grace_period of %s connections are drained for %i s', (period, expected) => {
  expect(drainSeconds(period === undefined ? {} : { stop_grace_period: period })).toBe(expected)
})

/** What is said of a container whose health test ends with these codes, one after the other. */
function wellAfter(codes: readonly number[], states: readonly string[] = []): string {
  const script = `SCRATCH=$(mktemp -d)
${BAKE_FUNCTIONS}
echo '${[...states, 'running 0', 'running 0', 'running 0'].join('\n')}' > "$SCRATCH/states"
docker() { head -n 1 "$SCRATCH/states"; sed -i 1d "$SCRATCH/states"; }
sleep() { :; }
codes='${codes.join(' ')}'
probe() { code=\${codes%% *}; codes=\${codes#* }; return "$code"; }
if well box true; then echo well; else echo "$why"; fi; rm -r "$SCRATCH"`
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trim()
}

test.each([
  ['succeeds', [0], 'well'],
  // An engine that is busy fails to start a test now and then.
  ['fails twice, then succeeds', [1, 126, 0], 'well'],
  ['fails three times in a row', [1, 1, 1, 0], 'its health test fails'],
  ['hangs', [124, 0], 'its health test fails']
])('a release that is watched and whose health test %s', (_name, codes, expected) => {
  expect(wellAfter(codes)).toBe(expected)
})

test.each([
  ['did not answer once', [''], 'well'],
  ['does not answer', ['', '', ''], 'the engine does not say how it is'],
  ['says that it has ended', ['exited 0'], 'it stopped or restarted'],
  ['says that it was started again', ['running 1'], 'it stopped or restarted']
])('a release that is watched while the engine %s', (_name, states, expected) => {
  expect(wellAfter([0], states)).toBe(expected)
})

/** What is said of the site that answers like this through the proxy, one time after the other. */
function servesAfter(statuses: readonly string[]): string {
  const script = `SCRATCH=$(mktemp -d) ORIGINS=https://a.example HEALTH=/up
${BAKE_FUNCTIONS}
echo 'https://a.example 200' > "$SCRATCH/asked"
printf '%s\\n' ${statuses.join(' ')} > "$SCRATCH/statuses"
ask() { head -n 1 "$SCRATCH/statuses"; sed -i 1d "$SCRATCH/statuses"; }
sleep() { :; }
if serves; then echo serves; else echo "$why"; fi; rm -r "$SCRATCH"`
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trim()
}

test.each([
  [['200'], 'serves'],
  [['302'], 'serves'],
  // One answer that is missing on a busy machine takes no release back.
  [['000', '200'], 'serves'],
  [['502', '000', '200'], 'serves'],
  [['502', '502', '502', '200'], 'https://a.example answers 502 through the proxy'],
  [['404', '404', '404'], 'https://a.example answers 404 through the proxy, and did not before']
])('a site that answers %j is judged by three in a row', (statuses, expected) => {
  expect(servesAfter(statuses)).toBe(expected)
})

/** What is said of a proxy with these connections to the old container before and after a question. */
function movedAfter(times: readonly (readonly [string, string])[]): string {
  const script = `SCRATCH=$(mktemp -d) FRONT=front FRONT_KIND=nginx
${BAKE_FUNCTIONS}
unfinished() { :; }
docker() { :; }
sleep() { :; }
origins_answer() { :; }
printf '%s\\n' '${times.flat().join("' '")}' > "$SCRATCH/seen"
calls() { head -n 1 "$SCRATCH/seen" | tr ' ' '\\n'; sed -i 1d "$SCRATCH/seen"; }
if moved old; then echo moved; else echo "$why"; fi; rm -r "$SCRATCH"`
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trim()
}

test.each([
  ['makes no call', [['A1', 'A1']] as const, 'moved'],
  [
    'made one that the kernel told late',
    [
      ['A1', 'A1 A2'],
      ['A1 A2', 'A1 A2']
    ] as const,
    'moved'
  ],
  [
    'makes one each time',
    [
      ['A1', 'A1 A2'],
      ['A2', 'A2 A3'],
      ['A3', 'A3 A4']
    ] as const,
    'nginx still asks the old container'
  ]
])('a proxy that %s to the old container', (_name, times, expected) => {
  expect(movedAfter(times)).toBe(expected)
})

/** What is said of a new release that is asked with the old one; of each time old new old new. */
function compared(times: readonly string[], then = ''): string {
  const script = `SCRATCH=$(mktemp -d) FRONT=front ORIGINS=https://a.example HEALTH=/up
${BAKE_FUNCTIONS}
docker() { printf 'inner=10.0.0.2\\ninner=10.0.0.7 other=10.9.0.7\\nother=10.9.0.8 inner=10.0.0.8\\n'; }
sleep() { :; }
fetch_each() { sed -n "$turn"p <<'TIMES' | tr ' ' '\\n'
${times.join('\n')}
TIMES
}
if worse 8000 http 7 8; then echo "$why"; else echo 'no worse'; fi
${then}
rm -r "$SCRATCH"`
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trim()
}

test('old and new are asked where the proxy reaches them, as visitors of the site', () => {
  expect(compared(['200 200 200 200'], 'cat "$SCRATCH/questions"').split('\n').slice(1)).toEqual([
    'a.example http 10.0.0.7:8000 / https',
    'a.example http 10.0.0.8:8000 / https',
    'a.example http 10.0.0.7:8000 /up https',
    'a.example http 10.0.0.8:8000 /up https'
  ])
})

test.each([
  ['the same', ['200 200 200 200'], 'no worse'],
  [
    'an error on the front page',
    ['200 500 200 200', '200 500 200 200', '200 500 200 200'],
    'https://a.example/ with 500, where the release that serves answers 200'
  ],
  [
    'no answer at all',
    ['302 000 200 000', '302 000 200 000', '302 000 200 000'],
    'https://a.example/ with nothing, where the release that serves answers 302'
  ],
  [
    'a refusal on the path of the health check',
    ['200 200 200 400', '200 200 200 400', '200 200 200 400'],
    'https://a.example/up with 400, where the release that serves answers 200'
  ],
  ['a refusal on the front page', ['200 404 200 200'], 'no worse'],
  ['errors that the old one has, too', ['500 500 404 502'], 'no worse'],
  [
    'an error twice, then none',
    ['200 503 200 200', '200 503 200 200', '200 200 200 200'],
    'no worse'
  ],
  ['nothing, as nobody can ask', ['none none none none'], 'no worse']
])('a new release that answers visitors with %s', (_name, times, expected) => {
  expect(compared(times)).toBe(expected)
})

/** Removes bridges while the engine answers as given, one time after the other: `down`, or what it lists. */
function removed(...times: readonly string[]): string {
  const script = `${ROLL_FUNCTIONS}
N=app times='${times.join(' ')} '
sleep() { :; }
docker() { :; }
asked=$(mktemp); echo 0 > "$asked"
bridges() {
  turn=$(($(cat "$asked") + 1)); echo "$turn" > "$asked"
  now=$(echo "$times" | cut -d ' ' -f "$turn")
  case $now in down) return 1 ;; none|'') ;; *) echo "$now" ;; esac; }
if remove_bridges web; then echo "gone after $(cat "$asked")"; else echo 'there still'; fi
rm "$asked"`
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trim()
}

test.each([
  ['that are none', ['none'], 'gone after 1'],
  ['that go at once', ['one', 'none'], 'gone after 2'],
  // Its restart once left a bridge beside a release that was live.
  ['past a restart of the engine', ['one', 'down', 'down', 'one', 'none'], 'gone after 5'],
  ['that do not go', Array.from({ length: 100 }, () => 'one'), 'there still']
])('bridges are removed: %s', (_name, times, expected) => {
  expect(removed(...times)).toBe(expected)
})
