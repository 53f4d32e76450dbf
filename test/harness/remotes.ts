import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The commit of each reference of a repository, by its short name. */
export type Refs = Record<string, string>

/** Bare repositories in a temporary folder, one for each name, which begin empty. */
export class Remotes {
  readonly #folder: string
  readonly #names: readonly string[]

  private constructor(folder: string, names: readonly string[]) {
    this.#folder = folder
    this.#names = names
  }

  static async make(names: readonly string[]): Promise<Remotes> {
    const folder = await mkdtemp(path.join(tmpdir(), 'diveops-remotes-'))
    const remotes = new Remotes(folder, names)
    for (const name of names) {
      await mkdir(remotes.path(name))
      await remotes.git(name, 'init', '--quiet', '--bare', '--initial-branch=main')
    }
    return remotes
  }

  /** Their address, with `{name}` for the name. */
  get pattern(): string {
    return this.path('{name}')
  }

  path(name: string): string {
    return path.join(this.#folder, `${name}.git`)
  }

  async git(name: string, ...words: string[]): Promise<string> {
    return (await run('git', words, { cwd: this.path(name) })).stdout.trim()
  }

  async refs(name: string): Promise<Refs> {
    const format = '--format=%(refname:lstrip=2) %(objectname)'
    const lines = (await this.git(name, 'for-each-ref', format)).split('\n').filter(Boolean)
    return Object.fromEntries(lines.map(line => line.split(' ')))
  }

  async allRefs(): Promise<Record<string, Refs>> {
    const entries = this.#names.map(async name => [name, await this.refs(name)])
    return Object.fromEntries(await Promise.all(entries))
  }

  remove(): Promise<void> {
    return rm(this.#folder, { recursive: true })
  }
}
