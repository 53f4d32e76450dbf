import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, realpath } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { root } from '@diveops/build'
import { UserError } from '@diveops/core/base/errors'
import { quote } from '@diveops/core/base/shell'
import { runnerExec } from './exec.ts'
import { run, succeed } from './process.ts'
import { OWNER } from './secrets.ts'

const EXAMPLE = 'django-diveops'
const examples = path.join(root, 'workflows-examples')
const DEFAULT_ORIGIN = `https://github.com/${OWNER}/${EXAMPLE}`

/** What a copy in the runner takes from a folder on this machine. */
interface Source {
  /** Paths relative to the folder; undefined when it is in no git repository: everything. */
  files: string[] | undefined
  origin: string
  branch: string
}

/**
 * Copies a folder into the runner as a git repository with one commit, as `actions/checkout` would
 * leave it: the files that git tracks with their present content, or all that .gitignore does not
 * name when the folder is in no repository. The commit's id depends on the content alone.
 * Returns the owner of the origin.
 */
export async function copyRepository(folder: string, target: string): Promise<string> {
  if (!existsSync(folder)) throw new UserError(`there is no folder '${folder}'`)
  const source = await readSource(folder)
  await pack(folder, source.files, target)
  const git = [
    `cd ${quote(target)}`,
    `git init -q -b ${quote(source.branch)}`,
    `git remote add origin ${quote(source.origin)}`,
    `git add -A${source.files ? ' -f' : ''}`,
    'git commit -q --allow-empty -m lab',
    // As after a checkout: file modes as git knows them, and nothing that it ignores.
    'git ls-files -z | xargs -0r rm -f',
    'git reset -q --hard',
    'git clean -fdXq'
  ]
  const { code, stderr } = await runnerExec(`${identity} ${git.join(' && ')}`)
  if (code !== 0) throw new Error(`the copy of '${folder}' did not become a repository: ${stderr}`)
  return new URL(source.origin).pathname.split('/')[1] ?? OWNER
}

const identity = [
  'export GIT_AUTHOR_NAME=lab GIT_AUTHOR_EMAIL=lab@localhost',
  'GIT_COMMITTER_NAME=lab GIT_COMMITTER_EMAIL=lab@localhost',
  "GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z';"
].join(' ')

/**
 * Puts the example app and some of the workflow files to copy, unmodified, together into a
 * temporary folder, as a user would have them in a repository. The caller removes the folder.
 */
export async function assembleExample(workflows: readonly string[]): Promise<string> {
  const folder = await copyExample(EXAMPLE)
  await mkdir(path.join(folder, '.github/workflows'), { recursive: true })
  for (const name of workflows) {
    await cp(path.join(examples, name), path.join(folder, '.github/workflows', name))
  }
  return folder
}

/**
 * Puts an example that brings its own workflow, unmodified, into a temporary folder as a git
 * repository of `owner` at GitHub. The caller removes the folder.
 */
export async function assembleRepository(app: string, owner: string): Promise<string> {
  const folder = await copyExample(app)
  await succeed('git', ['-C', folder, 'init', '--quiet', '--initial-branch', 'main'])
  const origin = `https://github.com/${owner}/${app}`
  await succeed('git', ['-C', folder, 'remote', 'add', 'origin', origin])
  await succeed('git', ['-C', folder, 'add', '--all'])
  return folder
}

async function copyExample(app: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'diveops-lab-example-'))
  const ignored = ['.venv', '__pycache__', '.pytest_cache', '.ruff_cache', '.env', 'node_modules']
  await cp(path.join(examples, app), folder, {
    recursive: true,
    filter: source => !ignored.includes(path.basename(source))
  })
  return folder
}

async function readSource(folder: string): Promise<Source> {
  const listed = await git(folder, ['ls-files', '-z'])
  if (listed === undefined) return { files: undefined, origin: DEFAULT_ORIGIN, branch: 'main' }
  const top = (await git(folder, ['rev-parse', '--show-toplevel']))?.trim() ?? ''
  const own = top !== '' && (await realpath(top)) === (await realpath(folder))
  const origin = own ? (await git(folder, ['remote', 'get-url', 'origin']))?.trim() : undefined
  const branch = own ? (await git(folder, ['symbolic-ref', '--short', 'HEAD']))?.trim() : undefined
  return {
    files: listed.split('\0').filter(name => name !== '' && existsSync(path.join(folder, name))),
    origin: webAddress(origin) ?? DEFAULT_ORIGIN,
    branch: branch ?? 'main'
  }
}

async function git(folder: string, words: readonly string[]): Promise<string | undefined> {
  const { code, stdout } = await run('git', ['-C', folder, ...words])
  return code === 0 ? stdout : undefined
}

/** The https form of a remote on GitHub, without credentials; undefined for a remote elsewhere. */
export function webAddress(remote: string | undefined): string | undefined {
  const match = /github\.com[:/]+([^/]+)\/(.+?)(?:\.git)?\/?$/.exec(remote ?? '')
  return match ? `https://github.com/${match[1]}/${match[2]}` : undefined
}

/** Streams files of a folder into a new folder of the runner. */
export async function pack(
  folder: string,
  files: readonly string[] | undefined,
  target: string
): Promise<void> {
  const words = ['-C', folder, '-cf', '-']
  const tar = spawn(
    'tar',
    files ? [...words, '--null', '-T', '-'] : [...words, '--exclude=.git', '.'],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
      // Otherwise macOS adds a second file for each.
      env: { ...process.env, COPYFILE_DISABLE: '1' }
    }
  )
  const ended = new Promise<number | null>((resolve, reject) => {
    tar.on('error', reject)
    tar.on('close', resolve)
  })
  // It may end without reading all of this; its exit code says whether that was well.
  tar.stdin.on('error', () => {})
  tar.stdin.end((files ?? []).join('\0'))
  const unpack = `mkdir -p ${quote(target)} && tar -xf - --no-same-owner -C ${quote(target)}`
  const [code, unpacked] = await Promise.all([ended, runnerExec(unpack, { stdin: tar.stdout })])
  if (code !== 0 || unpacked.code !== 0) {
    throw new Error(`'${folder}' could not be copied into the runner: ${unpacked.stderr}`)
  }
}
