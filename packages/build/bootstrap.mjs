// Runs one of our programs in a clone that has nothing yet: installs the dependencies when the
// lock file is newer than what is installed, compiles, then hands over. Plain JavaScript, because
// nothing is compiled before it.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const root = path.resolve(import.meta.dirname, '../..')
const [program, ...rest] = process.argv.slice(2)

/** Runs a command in the repository; its output is shown on standard error, so that ours stays clean. */
function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (error) throw error
  if (status !== 0) {
    console.error(`'${command} ${args.join(' ')}' failed with exit code ${status}`)
    process.exit(status ?? 1)
  }
}

function stale() {
  const installed = path.join(root, 'node_modules/.package-lock.json')
  if (!existsSync(installed)) return true
  return statSync(path.join(root, 'package-lock.json')).mtimeMs > statSync(installed).mtimeMs
}

// Install scripts of dependencies are never needed: ssh2 works without its native addon, and with
// it the bundles would differ from machine to machine.
if (stale()) run('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'])
run('node', ['node_modules/typescript/bin/tsc', '-b'])

const file = path.resolve(root, program)
process.argv = [process.argv[0], file, ...rest]
await import(pathToFileURL(file).href)
