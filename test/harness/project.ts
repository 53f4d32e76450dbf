import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { root } from '@diveops/build'

const run = promisify(execFile)

/** How one of our programs ended. */
export interface Ended {
  code: number
  stdout: string
  stderr: string
}

/** A copy of this repository with one commit, in which a test may do as it likes. */
export class Project {
  readonly folder: string

  private constructor(folder: string) {
    this.folder = folder
  }

  /** Copies what git would take, and what is compiled and installed here. */
  static async copy(): Promise<Project> {
    const project = new Project(await mkdtemp(path.join(tmpdir(), 'diveops-project-')))
    const words = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
    const { stdout } = await run('git', words, { cwd: root, maxBuffer: 2 ** 26 })
    const files = stdout.split('\0').filter(Boolean)
    for (const group of ['packages', 'actions']) {
      const names = await readdir(path.join(root, group))
      files.push(...names.map(name => path.join(group, name, 'lib')))
    }
    for (const file of files) {
      // Deleted and not yet committed, or an action without a program.
      await cp(path.join(root, file), project.path(file), { recursive: true }).catch(error => {
        if (error.code !== 'ENOENT') throw error
      })
    }
    await symlink(path.join(root, 'node_modules'), project.path('node_modules'))
    await project.git('init', '--quiet', '--initial-branch=main')
    await writeFile(project.path('.git/info/exclude'), 'node_modules\n')
    await project.git('config', 'user.name', 'Ada')
    await project.git('config', 'user.email', 'ada@example.org')
    await project.commit()
    return project
  }

  path(file: string): string {
    return path.join(this.folder, file)
  }

  read(file: string): Promise<string> {
    return readFile(this.path(file), 'utf8')
  }

  async write(file: string, text: string): Promise<void> {
    await mkdir(path.dirname(this.path(file)), { recursive: true })
    await writeFile(this.path(file), text)
  }

  async git(...words: string[]): Promise<string> {
    return (await run('git', words, { cwd: this.folder })).stdout.trim()
  }

  async commit(): Promise<void> {
    await this.git('add', '--all')
    await this.git('commit', '--quiet', '--allow-empty', '--message', 'test')
  }

  /** Runs one of the repository's commands, such as `publish`, as npm would. */
  async command(...words: string[]): Promise<Ended> {
    const main = this.path('packages/build/lib/main.js')
    const ran = run(process.execPath, [main, ...words], { cwd: this.folder })
    return ran.then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      ({ code, stdout, stderr }) => ({ code, stdout, stderr })
    )
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true })
  }
}
