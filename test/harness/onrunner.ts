import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { root } from '@diveops/build'
import { quote } from '@diveops/core/base/shell'
import { copyRepository, knownHosts, runnerExec, SERVER_USER, serverKey } from '@diveops/lab'
import { inputVariables, type Outcome, parseCommandFile } from './action.ts'

const START = `const { spawn } = require('node:child_process')
const { mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const folder = mkdtempSync('/tmp/action-')
const { variables, kill, checkout = folder } = JSON.parse(readFileSync(0, 'utf8'))
const env = { ...variables, PATH: process.env.PATH, HOME: folder, GITHUB_WORKSPACE: checkout }
const names = ['OUTPUT', 'STATE', 'ENV', 'PATH', 'STEP_SUMMARY']
for (const name of names) writeFileSync(env['GITHUB_' + name] = folder + '/' + name, '')
const child = spawn(process.execPath, [process.argv[1]], { cwd: checkout, env })
let log = ''
let due = kill
for (const stream of [child.stdout, child.stderr]) stream.on('data', data => {
  log += data
  if (!due || !log.includes(due.at)) return
  child.kill(due.signal)
  due = undefined
})
child.on('close', code => {
  const read = name => readFileSync(folder + '/' + name, 'utf8')
  process.stdout.write(JSON.stringify({ code, log, output: read('OUTPUT'), state: read('STATE'), summary: read('STEP_SUMMARY') }))
  rmSync(folder, { recursive: true })
})`

/** When to end an action, and how: once it has printed some text. */
export interface Kill {
  at: string
  signal: 'SIGINT' | 'SIGKILL'
}

let runs = 0

/** The inputs with which an action reaches the server from the lab's runner. */
export async function runnerInputs(): Promise<Record<string, string>> {
  return {
    host: 'vps.lab',
    user: SERVER_USER,
    'ssh-key': await serverKey(),
    'known-hosts': await knownHosts('vps.lab')
  }
}

/**
 * Runs a bundle on the lab's runner, for actions that look at the world as it looks from there: the
 * names of the lab's DNS and the server's own ports, or that need its tools. There is no checkout, unless
 * a folder is given that becomes it.
 */
export async function runActionOnRunner(
  name: string,
  inputs: Record<string, string>,
  env: Record<string, string> = {},
  kill?: Kill,
  folder?: string
): Promise<Outcome> {
  const bundle = execFileSync('tar', ['-cf', '-', '-C', path.join(root, 'dist'), name], {
    maxBuffer: 64 * 1024 * 1024
  })
  runs += 1
  const place = `/lab/dist-${process.pid}-${runs}`
  await runnerExec(`mkdir -p ${place} && tar -xf - -C ${place}`, { stdin: bundle })
  const checkout = folder && `${place}/checkout`
  if (folder && checkout) await copyRepository(folder, checkout)
  const variables = {
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    ...(await inputVariables(name, { ...(await runnerInputs()), ...inputs })),
    ...env
  }
  const script = `node -e ${quote(START)} ${place}/${name}/index.js; rm -rf ${place}`
  const { stdout, stderr } = await runnerExec(script, {
    stdin: JSON.stringify({ variables, kill, checkout })
  })
  const { output, state, ...rest } = JSON.parse(
    stdout || `{"code":null,"log":${JSON.stringify(stderr)}}`
  )
  return { ...rest, outputs: parseCommandFile(output ?? ''), state: parseCommandFile(state ?? '') }
}
