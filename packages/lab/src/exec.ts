import { type BoxName, container } from './boxes.ts'
import { connection } from './connection.ts'
import { tryDocker } from './docker.ts'
import { attach, type Result, type RunOptions, run } from './process.ts'

/** How a command runs in a box. */
export interface ExecOptions extends Pick<RunOptions, 'stdin' | 'onOutput' | 'detached'> {
  /** Default: root. */
  user?: string
  /** Default: the user's home or what the image says. */
  cwd?: string
}

/** Runs a shell command on the server, without SSH. */
export function vpsExec(command: string, options?: ExecOptions): Promise<Result> {
  return exec('vps', command, options)
}

/** Runs a shell command on the runner. */
export function runnerExec(command: string, options?: ExecOptions): Promise<Result> {
  return exec('runner', command, options)
}

/** Runs a shell command in the registry that answers as ghcr.io. */
export function registryExec(command: string, options?: ExecOptions): Promise<Result> {
  return exec('registry', command, options)
}

/** Runs a shell command in the box that answers as Let's Encrypt. */
export function acmeExec(command: string, options?: ExecOptions): Promise<Result> {
  return exec('acme', command, options)
}

function exec(box: BoxName, command: string, options: ExecOptions = {}): Promise<Result> {
  const { user, cwd, ...rest } = options
  const words = [
    ...(rest.stdin === undefined ? [] : ['--interactive']),
    ...(user === undefined ? [] : ['--user', user]),
    ...(cwd === undefined ? [] : ['--workdir', cwd])
  ]
  return tryDocker(['exec', ...words, container(box), 'sh', '-c', command], rest)
}

/** Runs a command on the server as a person would, by SSH on this terminal; returns its exit code. */
export async function ssh(words: readonly string[]): Promise<number> {
  const lab = await connection()
  if ((await run('ssh', ['-V'])).code !== 0) {
    const shell = words.length > 0 ? ['sh', '-c', words.join(' ')] : ['bash', '--login']
    const terminal = process.stdin.isTTY ? ['--tty'] : []
    const user = ['--user', lab.LAB_SSH_USER, '--workdir', `/home/${lab.LAB_SSH_USER}`]
    return attach('docker', [
      'exec',
      '--interactive',
      ...terminal,
      ...user,
      container('vps'),
      ...shell
    ])
  }
  return attach('ssh', [
    // Whatever the person has configured for other servers has no say here.
    ...['-F', '/dev/null', '-i', lab.LAB_SSH_KEY, '-p', lab.LAB_SSH_PORT],
    ...['-o', `UserKnownHostsFile=${lab.LAB_KNOWN_HOSTS}`, '-o', 'StrictHostKeyChecking=yes'],
    ...['-o', 'IdentitiesOnly=yes', '-o', 'LogLevel=ERROR'],
    `${lab.LAB_SSH_USER}@${lab.LAB_SSH_HOST}`,
    ...words
  ])
}
