import { spawn } from 'node:child_process'
import { readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { root } from './paths.ts'
import { show } from './run.ts'

/** A test on a lab waits more than it works, so that two labs halve the time of two cores. */
const LABS = 2

/**
 * Runs something for each file of test/e2e, on several labs at once, one file at a time on each. Labs
 * are told apart by the variable DIVEOPS_LAB; the first one is that of the clone. What a file printed is
 * shown when it has ended.
 */
export async function onLabs(
  argumentsFor: (file: string) => Promise<readonly string[]>,
  ended: (file: string, code: number) => Promise<void>
): Promise<void> {
  // Images are built once, not by each lab.
  if (show('npm', ['run', 'lab', '--', 'up']) !== 0) throw new Error('the lab did not start')
  const files = await longestFirst()
  await Promise.all(
    Array.from({ length: LABS }, async (_, lab) => {
      for (let file = files.shift(); file !== undefined; file = files.shift()) {
        await ended(file, await run(await argumentsFor(file), lab === 0 ? '' : String(lab + 1)))
      }
    })
  )
}

/** The larger a file the longer it takes, roughly; so no lab is left with a long one at the end. */
async function longestFirst(): Promise<string[]> {
  const folder = path.join(root, 'test/e2e')
  const names = (await readdir(folder)).filter(name => name.endsWith('.test.ts'))
  const sized = await Promise.all(
    names.map(async name => ({ name, size: (await stat(path.join(folder, name))).size }))
  )
  return sized.sort((a, b) => b.size - a.size).map(({ name }) => `e2e/${name}`)
}

function run(words: readonly string[], lab: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn('node', words, {
      cwd: root,
      env: { ...process.env, ...(lab && { DIVEOPS_LAB: lab }) },
      stdio: ['ignore', 'pipe', 'pipe']
    })
    const said: Buffer[] = []
    child.stdout.on('data', data => said.push(data))
    child.stderr.on('data', data => said.push(data))
    child.on('error', reject)
    child.on('close', code => {
      process.stdout.write(Buffer.concat(said))
      resolve(code ?? 1)
    })
  })
}
