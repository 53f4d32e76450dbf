import { execFile } from 'node:child_process'
import { chmod, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { actionNames, bundledNames, publishingOrder, WORKFLOWS } from '@diveops/build'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { Project } from '../harness/project.ts'
import { type Refs, Remotes } from '../harness/remotes.ts'

const actions = await actionNames()
const names = [...actions, WORKFLOWS]
const order = [...(await publishingOrder()), WORKFLOWS]

let project: Project
let remotes: Remotes
beforeAll(async () => {
  project = await Project.copy()
  // Git takes its time for megabytes of bundle, and their fingerprints are beside them.
  for (const name of await bundledNames()) {
    await project.write(`dist/${name}/index.js`, `// ${name}\n`)
  }
  expect(await project.command('version')).toMatchObject({ code: 0 })
  await project.commit()
  await project.git('tag', 'version-1')
}, 60_000)
afterAll(() => project.remove())

async function makeRemotes() {
  remotes = await Remotes.make(names)
}

const removeRemotes = () => remotes.remove()

async function reset() {
  await project.git('reset', '--quiet', '--hard', 'version-1')
  await project.git('clean', '--quiet', '--force', '-d')
}

const publish = (...words: string[]) =>
  project.command('publish', '--to', remotes.pattern, ...words)

const NOTHING = Object.fromEntries(names.map(name => [name, {}]))

/** Makes the next version from a change of one README. */
async function raise(kind: string, summary: string) {
  await project.write(
    'actions/ship/README.md',
    `${await project.read('actions/ship/README.md')}.\n`
  )
  await project.write('.changeset/next.md', `---\n'@diveops/ship': ${kind}\n---\n\n${summary}\n`)
  await project.commit()
  expect(await project.command('version')).toMatchObject({ code: 0 })
  await project.commit()
}

/** The commits that an action's action.yml pins, by the name of the pinned action. */
async function pins(name: string): Promise<Record<string, string>> {
  const text = await remotes.git(name, 'show', 'main:action.yml')
  const uses = text.matchAll(/uses: diveops\/([a-z-]+)@([0-9a-f]{40}) # v1\.0\.0$/gm)
  return Object.fromEntries([...uses].map(([, nested, commit]) => [nested, commit]))
}

test('one version for all, from the changesets', async () => {
  for (const file of ['package.json', ...actions.map(name => `actions/${name}/package.json`)]) {
    expect(JSON.parse(await project.read(file)).version).toBe('1.0.0')
  }
  expect(await project.read('CHANGELOG.md')).toMatch(/^# Changelog\n\n## 1\.0\.0\n\n### Major/)
  expect(JSON.parse(await project.read('package-lock.json')).version).toBe('1.0.0')
  expect(await project.command('version')).toMatchObject({
    code: 1,
    stderr: "no changeset waits in .changeset: add one with 'npx changeset'\n"
  })
})

describe('one version after the other', () => {
  let first: Record<string, Refs>
  let shown: string
  beforeAll(makeRemotes)
  afterAll(async () => {
    await removeRemotes()
    await reset()
  })

  test('--dry-run pushes nothing', async () => {
    const { code, stdout, stderr } = await publish('--dry-run')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(await remotes.allRefs()).toEqual(NOTHING)
    shown = stdout
  }, 60_000)

  test('the first publication is what was shown', async () => {
    const { code, stdout, stderr } = await publish()
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toBe(shown.replaceAll('would push', 'pushed'))
    first = await remotes.allRefs()
    for (const name of names) {
      const commit = first[name]?.main
      expect(first[name]).toEqual({ main: commit, v1: commit, 'v1.0': commit, 'v1.0.0': commit })
      expect(stdout).toContain(`${name}: pushed ${commit} as v1.0.0, v1.0, v1, main\n`)
      const about = await remotes.git(
        name,
        'show',
        '--no-patch',
        '--format=%an %ae%n%s%n%b',
        'v1.0.0'
      )
      expect(about).toMatch(new RegExp(`^Ada ada@example.org\n${name} v1.0.0\n### Major changes\n`))
      expect(about).toContain(`Made from ${await project.git('rev-parse', 'HEAD')} of`)
    }
  }, 60_000)

  test('a repository has what its action needs, and nothing else', async () => {
    expect(await remotes.git('deploy-vps', 'ls-tree', '-r', '--name-only', 'v1')).toBe(
      'LICENSE\nREADME.md\naction.yml\ndist/index.js\ndist/licenses.txt\ndist/package.json'
    )
    expect(await remotes.git('deploy-vps', 'show', 'v1:action.yml')).toContain(
      '  main: dist/index.js'
    )
    expect(await remotes.git('deploy-vps', 'show', 'v1:dist/index.js')).toBe('// deploy-vps')
    expect(await remotes.git('ship', 'ls-tree', '-r', '--name-only', 'v1')).toBe(
      'LICENSE\nREADME.md\naction.yml'
    )
  })

  test('what a composite action uses is pinned to what was published', async () => {
    expect(await pins('ship')).toEqual({
      'build-push': first['build-push']?.main,
      'deploy-vps': first['deploy-vps']?.main,
      'healthcheck-wait': first['healthcheck-wait']?.main
    })
  })

  test('from another commit with the same content, only what is missing is made', async () => {
    await project.commit()
    await remotes.git('ship', 'update-ref', '-d', 'refs/tags/v1')
    const { code, stdout, stderr } = await publish()
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(await remotes.allRefs()).toEqual(first)
    expect(stdout).toContain(`rollback: v1.0.0 is published as ${first.rollback?.main}\n`)
    expect(stdout).toContain(`ship: pushed ${first.ship?.main} as v1\n`)
  }, 60_000)

  test('the next version moves v1, and leaves the versions before it', async () => {
    await raise('minor', 'A full stop.')
    expect(await publish()).toMatchObject({ code: 0, stderr: '' })
    const second = await remotes.allRefs()
    for (const name of names) {
      const [old, young] = [first[name]?.main, second[name]?.main]
      expect(second[name]).toEqual({
        ...{ main: young, v1: young, 'v1.0': old },
        ...{ 'v1.0.0': old, 'v1.1': young, 'v1.1.0': young }
      })
      expect(await remotes.git(name, 'rev-parse', 'main^')).toBe(old)
    }
    expect(await project.read('CHANGELOG.md')).toMatch(
      /## 1\.1\.0\n\n### Minor changes\n\n- \*\*ship\*\*: A full stop\.\n\n## 1\.0\.0/
    )
  }, 60_000)

  test('a v1 that somebody has put back stays there', async () => {
    await remotes.git('ship', 'push', '--quiet', '--force', '.', 'v1.0.0:refs/tags/v1')
    const before = await remotes.allRefs()
    expect(before.ship?.v1).toBe(first.ship?.main)
    expect(await publish()).toMatchObject({ code: 0, stderr: '' })
    expect(await remotes.allRefs()).toEqual(before)
  }, 60_000)
})

describe('a push that fails in the middle', () => {
  beforeAll(makeRemotes)
  afterAll(removeRemotes)

  /** Lets a repository refuse that v1 is made or moved. */
  async function protect(name: string) {
    const hook = path.join(remotes.path(name), 'hooks/update')
    await writeFile(
      hook,
      '#!/bin/sh\n[ "$1" != refs/tags/v1 ] || { echo protected >&2; exit 1; }\n'
    )
    await chmod(hook, 0o755)
    return () => rm(hook)
  }

  test('leaves that repository as it was, and is completed by the next run', async () => {
    const victim = order.at(-2) as string
    const unprotect = await protect(victim)
    const { code, stderr } = await publish()
    expect(code).toBe(1)
    expect(stderr).toMatch(
      new RegExp(
        `^${victim} was not pushed: remote: error: hook declined to update refs/tags/v1\n.*run the same again.*\n$`
      )
    )
    const half = await remotes.allRefs()
    expect(half[victim]).toEqual({})
    const done = order.slice(0, -2)
    for (const name of done) expect(half[name]).toHaveProperty(['v1.0.0'])

    await unprotect()
    expect(await publish()).toMatchObject({ code: 0, stderr: '' })
    const whole = await remotes.allRefs()
    for (const name of done) expect(whole[name]).toEqual(half[name])
    for (const name of names) expect(whole[name]).toHaveProperty(['v1'], whole[name]?.main)
    for (const [nested, commit] of Object.entries(await pins('ship'))) {
      expect(commit).toBe(whole[nested]?.main)
    }
  }, 60_000)
})

describe('nothing is pushed anywhere', () => {
  beforeEach(makeRemotes)
  afterEach(async () => {
    await removeRemotes()
    await reset()
  })

  test.each([
    [
      'when the work tree is not clean',
      () => project.write('actions/ship/new.txt', ''),
      /^the work tree is not clean \(actions\/ship\/new\.txt\): commit or remove/m
    ],
    [
      'when a bundle is of other sources',
      async () => {
        const text = await project.read('dist/deploy-vps/package.json')
        await project.write('dist/deploy-vps/package.json', text.replace(/[0-9a-f]{64}/, '0'))
        await project.commit()
      },
      /^dist\/deploy-vps is not what its sources give: run 'npm run build' and commit it$/m
    ],
    [
      'when the version is no release',
      async () => {
        const text = await project.read('package.json')
        await project.write('package.json', text.replace('"1.0.0"', '"1.0.1-rc.0"'))
        await project.commit()
      },
      /^package\.json: version '1\.0\.1-rc\.0' is not a release, expected X\.Y\.Z: run/m
    ],
    [
      'while a changeset waits',
      async () => {
        await project.write('.changeset/next.md', "---\n'@diveops/ship': patch\n---\n\nX.\n")
        await project.commit()
      },
      /^\.changeset\/next\.md waits for a version: run 'npm run version' and commit$/m
    ],
    [
      'when one remote is not there',
      () => rm(remotes.path('ship'), { recursive: true }),
      /^\/.*\/ship\.git cannot be read: fatal: '.*' does not appear to be a git repository$/m
    ],
    [
      'when one has this version with other content',
      async () => {
        await promisify(execFile)('sh', ['-c', FOREIGN], { cwd: remotes.path('rollback') })
      },
      /^rollback has v1\.0\.0 with other content, and a version never changes: add a changeset/m
    ]
  ])(
    '%s',
    async (_case, spoil, line) => {
      await spoil()
      const before = await remotes.allRefs().catch(() => undefined)
      const { code, stderr } = await publish()
      expect(code).toBe(1)
      expect(stderr).toMatch(/^nothing is published:\n/)
      expect(stderr).toMatch(line)
      expect(stderr.trim().split('\n')).toHaveLength(2)
      expect(await remotes.allRefs().catch(() => undefined)).toEqual(before)
    },
    60_000
  )

  const FOREIGN = `
    commit=$(git -c user.name=x -c user.email=x@x commit-tree -m x \
      "$(git hash-object -t tree -w --stdin < /dev/null)")
    git tag v1.0.0 "$commit"`
})

test.each([
  [[], "--to: got '', expected the address of a git repository with {name} in it"],
  [['--to', 'https://u:secret@x.org/y'], "--to: got 'https://x.org/y', expected the address"],
  [['--to', '/x/{name}', '--force'], "Unknown option '--force'"]
])('bad arguments: %j', async (words, line) => {
  const { code, stderr } = await project.command('publish', ...words)
  expect(code).toBe(1)
  expect(stderr).toContain(line)
  expect(stderr).toContain('\nusage: npm run publish -- --to https://github.com/OWNER/{name}.git')
})

test('a password in the address is not shown', async () => {
  const words = ['publish', '--to', 'https://user:secret@127.0.0.1:1/{name}.git']
  const { code, stderr } = await project.command(...words)
  expect(code).toBe(1)
  expect(stderr).toMatch(/^https:\/\/127\.0\.0\.1:1\/ship\.git cannot be read: fatal: unable to/m)
  expect(stderr).not.toContain('secret')
})
