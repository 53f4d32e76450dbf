import { publishedMetadata, publishedReadme } from '@diveops/build'
import { sectionOf, withSection } from '@diveops/build/publish/changelog'
import { gitError } from '@diveops/build/publish/git'
import { parentFor, parseTarget, updatesFor } from '@diveops/build/publish/target'
import { parseVersion } from '@diveops/build/publish/version'
import { expect, test } from '@jest/globals'

const COMMIT = '0123456789012345678901234567890123456789'

test('a published action has its bundle beside it', () => {
  const text = 'main: ../../dist/a-b/index.js\npost: ../../dist/a-b/index.js\n'
  expect(publishedMetadata('a-b', text, new Map())).toBe(
    'main: dist/index.js\npost: dist/index.js\n'
  )
})

test('a published action uses commits, with their versions beside them', () => {
  const pins = new Map([['a-b', { commit: COMMIT, tag: 'v1.2.3' }]])
  const text = '- uses: diveops/a-b@v1\n- uses: diveops/a-b@v1\n'
  const line = `- uses: diveops/a-b@${COMMIT} # v1.2.3\n`
  expect(publishedMetadata('x', text, pins)).toBe(line + line)
  expect(() => publishedMetadata('x', '- uses: diveops/b@v1\n', pins)).toThrow(
    "x uses 'diveops/b@v1', which is none of our actions"
  )
})

test.each([
  ['[a](../../docs/a.md#b)', '[a](https://x.org/all/blob/v1.2.3/docs/a.md#b)'],
  ['[a](../other/README.md#b)', '[a](https://github.com/diveops/other#b)'],
  ['[a](../other/)', '[a](https://github.com/diveops/other)'],
  ['[a](./src/main.ts)', '[a](https://x.org/all/blob/v1.2.3/actions/one/src/main.ts)'],
  ['[a](#b) [c](https://y.org/../d)', '[a](#b) [c](https://y.org/../d)']
])('links of a published README: %s', (readme, expected) => {
  expect(publishedReadme('one', readme, 'v1.2.3', 'https://x.org/all')).toBe(expected)
})

test.each(['1.2', '1.2.3-rc.1', 'v1.2.3', '01.2.3', '', '1.2.3\n'])('%j is no release', text => {
  expect(parseVersion(text)).toBeUndefined()
})

const LISTED = [
  'ref: refs/heads/trunk\tHEAD',
  'aaa\tHEAD',
  'aaa\trefs/heads/trunk',
  'bbb\trefs/heads/other',
  'eee\trefs/tags/v1',
  'eee\trefs/tags/v1.1',
  'ddd\trefs/tags/v1.1.0',
  'eee\trefs/tags/v1.1.0^{}',
  'ccc\trefs/tags/v1.0.4'
].join('\n')

test('reads what a remote has, annotated tags by the commit that they stand for', () => {
  const { branch, head, tags } = parseTarget(LISTED)
  expect({ branch, head }).toEqual({ branch: 'trunk', head: 'aaa' })
  expect(Object.fromEntries(tags)).toEqual({
    v1: 'eee',
    'v1.1': 'eee',
    'v1.1.0': 'eee',
    'v1.0.4': 'ccc'
  })
  expect(parseTarget('')).toEqual({ branch: 'main', tags: new Map() })
})

const target = parseTarget(LISTED)
const changes = (version: string) =>
  updatesFor(target, parseVersion(version) ?? [0, 0, 0]).map(({ ref, from }) => `${ref} ${from}`)

test('a newer version moves its tags and the branch', () => {
  expect(changes('1.1.1')).toEqual([
    'refs/tags/v1.1.1 undefined',
    'refs/tags/v1.1 eee',
    'refs/tags/v1 eee',
    'refs/heads/trunk aaa'
  ])
  expect(parentFor(target, [1, 1, 1])).toBe('refs/heads/trunk')
})

test('a fix of an older version moves neither v1 nor the branch back', () => {
  expect(changes('1.0.5')).toEqual(['refs/tags/v1.0.5 undefined', 'refs/tags/v1.0 undefined'])
  expect(parentFor(target, [1, 0, 5])).toBe('refs/tags/v1.0.4')
  expect(parentFor(target, [0, 9, 0])).toBeUndefined()
})

test('a new major version leaves the tags of the old one', () => {
  expect(changes('2.0.0')).toEqual([
    'refs/tags/v2.0.0 undefined',
    'refs/tags/v2.0 undefined',
    'refs/tags/v2 undefined',
    'refs/heads/trunk aaa'
  ])
})

test('of a version that is there only what is missing is made', () => {
  expect(changes('1.1.0')).toEqual([])
  expect(changes('1.0.4')).toEqual(['refs/tags/v1.0 undefined'])
})

test('the changelog gets a section on top, the strongest changes first', () => {
  const before = '# Changelog\n\n## 1.0.0\n\n### Major changes\n\n- **a**: First.\n'
  const after = withSection(before, '1.1.0', [
    { summary: 'Small.', releases: [{ name: '@diveops/b', type: 'patch' }] },
    {
      summary: 'Large,\nin two lines.',
      releases: [
        { name: '@diveops/a', type: 'minor' },
        { name: '@diveops/b', type: 'patch' }
      ]
    }
  ])
  const section =
    '### Minor changes\n\n- **a, b**: Large,\n  in two lines.\n\n### Patch changes\n\n- **b**: Small.'
  expect(after).toBe(before.replace('## 1.0.0', `## 1.1.0\n\n${section}\n\n## 1.0.0`))
  expect(sectionOf(after, '1.1.0')).toBe(section)
  expect(sectionOf(after, '1.0.0')).toBe('### Major changes\n\n- **a**: First.')
  expect(sectionOf(after, '1.1')).toBeUndefined()
})

const REJECTED = ` ! [remote rejected] abc -> v1.0.0 (atomic push failure)
 ! [remote rejected] abc -> v1 (hook declined)
error: failed to push some refs to 'https://x.org/y'`

test.each([
  [REJECTED, '! [remote rejected] abc -> v1 (hook declined)'],
  [
    "warning: x\nfatal: unable to access 'https://u:p@x.org/y/': refused\nfatal: z\n",
    "fatal: unable to access 'https://x.org/y/': refused"
  ],
  [
    'remote: error: GH013: rule violations\n ! [remote rejected] x\n',
    'remote: error: GH013: rule violations'
  ],
  ['', 'exit code 1']
])('why git failed: %j', (stderr, expected) => {
  expect(gitError({ code: 1, stdout: '', stderr })).toBe(expected)
})
