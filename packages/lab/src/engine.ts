import { spawn } from 'node:child_process'
import { existsSync, openSync } from 'node:fs'
import { UserError } from '@diveops/core/base/errors'
import { tryDocker } from './docker.ts'
import { installPackages, isDebianRoot } from './packages.ts'
import { run, tail } from './process.ts'
import type { Progress } from './progress.ts'

const LOG = '/var/log/dockerd.log'
const START_SECONDS = 30

/**
 * Makes sure that a Docker engine answers on this machine. Where none does, Debian's is installed
 * and started when we are root there; elsewhere the error says what to install.
 */
export async function ensureEngine(progress: Progress): Promise<void> {
  const problem = await engineProblem()
  if (problem === undefined) return
  if (/permission denied/i.test(problem)) {
    throw new UserError(
      'the Docker engine of this machine refuses this user: add the user to the group docker, or be root'
    )
  }
  if (!isDebianRoot()) {
    throw new UserError(
      'the lab needs a Docker engine: install Docker (https://docs.docker.com/engine/install/) and ' +
        "start it, so that 'docker info' answers; as root on Debian or Ubuntu the lab does it itself"
    )
  }
  await progress.phase('installed the Docker engine', install)
  await progress.phase('started the Docker engine', startEngine)
}

async function engineProblem(): Promise<string | undefined> {
  const { code, stderr } = await tryDocker(['version', '--format', '{{.Server.Version}}'])
  return code === 0 ? undefined : stderr
}

async function install(): Promise<void> {
  if ((await run('dockerd', ['--version'])).code !== 0) {
    await installPackages(['docker.io', 'iptables', 'ca-certificates'])
  }
  // Since Debian 13 the client is a package of its own, which Debian 12 does not know.
  if ((await run('docker', ['--version'])).code !== 0) await installPackages(['docker-cli'])
}

async function startEngine(): Promise<void> {
  if (existsSync('/run/systemd/system')) await run('systemctl', ['start', 'docker'])
  else if ((await engineProblem()) !== undefined) {
    const log = openSync(LOG, 'a')
    spawn('dockerd', [], { detached: true, stdio: ['ignore', log, log] }).unref()
  }
  const deadline = Date.now() + START_SECONDS * 1000
  while ((await engineProblem()) !== undefined) {
    if (Date.now() > deadline) {
      const { stdout } = await run('tail', ['-n', '20', LOG])
      throw new UserError(
        `the Docker engine did not answer within ${START_SECONDS} s; its log is ${LOG}`,
        tail(stdout, 20).split('\n')
      )
    }
    await new Promise(resolve => setTimeout(resolve, 200))
  }
}
