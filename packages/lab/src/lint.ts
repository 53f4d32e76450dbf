import { spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type Metadata, root, WORKFLOWS } from '@diveops/build'
import { parse } from 'yaml'
import { ensureEngine } from './engine.ts'
import { ensureImage } from './ensure.ts'
import { run } from './process.ts'
import { Progress, type Say } from './progress.ts'
import { prepareCheckout } from './published.ts'

/**
 * Judges our workflows, those to copy, and our actions as they are published, by actionlint with
 * shellcheck and by zizmor in its strictest mode, without a network. Returns a line for each finding.
 */
export async function lint(say: Say): Promise<string[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'diveops-lint-'))
  try {
    await prepareCheckout(folder)
    const actions = path.join(folder, 'files')
    // They are judged where they lie.
    await rm(path.join(actions, WORKFLOWS), { recursive: true })
    return await lintFolder(root, actions, say)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Judges the workflows of a repository, and actions that lie in folders of their own elsewhere. */
export async function lintFolder(repository: string, actions: string, say: Say): Promise<string[]> {
  const progress = new Progress(say)
  await ensureEngine(progress)
  const image = await ensureImage('linters', progress)
  const folder = await mkdtemp(path.join(tmpdir(), 'diveops-lint-'))
  try {
    const workflows = await workflowFiles(repository)
    for (const file of [...workflows, '.github/zizmor.yml', '.github/dependabot.yml']) {
      await cp(path.join(repository, file), path.join(folder, file)).catch(error => {
        if (error.code !== 'ENOENT') throw error
      })
    }
    await cp(actions, path.join(folder, 'actions'), { recursive: true })
    await unfold(folder, await readdir(actions))
    return await judge(image, folder, workflows)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Workflows by their place: in .github/workflows of any folder, or directly among those to copy. */
async function workflowFiles(repository: string): Promise<string[]> {
  const found: string[] = []
  for (const place of ['.github', 'workflows-examples']) {
    const names = await readdir(path.join(repository, place), { recursive: true }).catch(() => [])
    found.push(...names.map(name => path.join(place, name)))
  }
  const places = /(^|\/)\.github\/workflows\/[^/]+\.ya?ml$|^workflows-examples\/[^/]+\.ya?ml$/
  return found.filter(file => places.test(file)).sort()
}

/**
 * Writes what makes the linters look into the actions: a workflow that uses each of them, for
 * actionlint reads an action.yml only when it is used, and the shell of their steps as scripts.
 */
async function unfold(folder: string, names: readonly string[]): Promise<void> {
  await mkdir(path.join(folder, 'scripts'))
  const uses: object[] = []
  for (const name of names) {
    const file = path.join(folder, 'actions', name, 'action.yml')
    const { inputs = {}, runs } = parse(await readFile(file, 'utf8')) as Metadata
    const required = Object.keys(inputs).filter(key => inputs[key]?.required)
    const given = Object.fromEntries(required.map(key => [key, 'x']))
    uses.push({ uses: `./actions/${name}`, ...(required.length > 0 && { with: given }) })
    for (const [index, { run: script }] of (runs.steps ?? []).entries()) {
      if (script === undefined) continue
      const target = path.join(folder, 'scripts', `${name}-${index + 1}.sh`)
      await writeFile(target, `#!/bin/sh\n${script}\n`)
    }
  }
  const job = { 'runs-on': 'ubuntu-latest', steps: uses }
  const workflow = { on: 'push', jobs: { every: job } }
  await writeFile(path.join(folder, 'every-action.yml'), JSON.stringify(workflow))
}

async function judge(image: string, folder: string, workflows: readonly string[]) {
  const tar = spawn('tar', ['-C', folder, '-cf', '-', '.'], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const words = ['run', '--rm', '--interactive', '--network', 'none', image, ...workflows]
  const { code, stdout, stderr } = await run('docker', words, { stdin: tar.stdout })
  if (code !== 0) throw new Error(stderr)
  return stdout.split('\n').map(asFinding).filter(Boolean)
}

/** zizmor writes its findings as commands of a runner, with the file's name again in the text. */
function asFinding(line: string): string {
  const command = /^::\w+ file=(.+),line=(\d+),title=(.+?)::\S+:\d+: (.*)$/.exec(line)
  if (!command) return line
  const [, file, number, audit, text] = command
  return `${file}:${number}: ${text} [${audit}]`
}
