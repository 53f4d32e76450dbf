import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from '@jest/globals'
import {
  beginLine,
  brokenSwitch,
  commitLine,
  endLine,
  goneLine,
  LAST_SWITCH,
  switchLine
} from '../../../packages/core/src/release/journal.ts'

const one = { id: 'a1', action: 'deploy', url: 'https://example.com/1', actor: 'ann' }
const two = { id: 'b2', action: 'rollback', url: 'https://example.com/2', actor: 'bob' }
const at = '2026-01-02T03:04:05Z'

/** The journal as a host writes it, read as a host reads it. */
function read(lines: readonly string[]) {
  const folder = mkdtempSync(path.join(tmpdir(), 'diveops-journal-'))
  mkdirSync(path.join(folder, '.diveops'))
  const written = lines.map(line => `{"at":"${at}",${line.slice(1)}\n`).join('')
  writeFileSync(path.join(folder, '.diveops/journal.jsonl'), written)
  return brokenSwitch(execFileSync('sh', ['-c', LAST_SWITCH], { cwd: folder, encoding: 'utf8' }))
}

const begun = [
  beginLine(one, 'begin'),
  '{"release":"r2","step":"upload"}',
  switchLine(one, 'r2', 'r1')
]
const broken = { ...one, id: undefined, run: 'a1', at, release: 'r2', from: 'r1' }

test.each<[string, string[], boolean]>([
  ['nothing was begun', [], false],
  ['a run that never came to switch', begun.slice(0, 2), false],
  ['the run is gone', [...begun, goneLine(one)], true],
  ['the run came back and is gone again', [...begun, beginLine(one, 'again'), goneLine(one)], true],
  ['the host committed it', [...begun, commitLine('a1', 'r2')], false],
  ['it was put back', [...begun, endLine(one, 'restored', 'r1')], false],
  ['nobody knows', [...begun, endLine(one, 'unknown', 'r2')], true],
  ['it was cancelled', [...begun, endLine(one, 'cancelled, unknown', 'r2')], true],
  [
    'a later run that changed nothing',
    [...begun, beginLine(two, 'begin'), endLine(two, 'untouched', 'r1')],
    true
  ],
  [
    'a later run that put a release live',
    [...begun, beginLine(two, 'begin'), switchLine(two, 'r1', 'r1'), commitLine('b2', 'r1')],
    false
  ],
  ['a line that a crash cut short', ['{"ru', ...begun], true]
])('%s', (_name, lines, isBroken) => {
  const found = read(lines)
  if (!isBroken) expect(found).toBeUndefined()
  else expect({ ...found, id: undefined }).toEqual(broken)
})

test('the run that broke off last is told of, with who began it', () => {
  const found = read([
    ...begun,
    beginLine(two, 'begin'),
    switchLine(two, 'r0', 'r1'),
    goneLine(two)
  ])
  expect(found).toMatchObject({ run: 'b2', action: 'rollback', actor: 'bob', release: 'r0' })
})

test('names with quotes and backslashes', () => {
  const odd = { ...one, actor: 'o"brien\\n' }
  expect(read([beginLine(odd, 'begin'), switchLine(odd, 'r2', undefined)])).toMatchObject({
    actor: 'o"brien\\n',
    from: undefined
  })
})
