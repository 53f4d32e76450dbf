import { command, quote } from '@diveops/core/base/shell'
import { APP, type AppImage } from './app.ts'

/** Whom the baseline connects to, and with what: files of this machine. */
export interface Server {
  address: string
  /** Of its sshd; 22 when absent. */
  port?: string
  user: string
  keyFile: string
  knownHostsFile: string
}

/** A command of the baseline: a program of this machine that makes a connection of its own. */
export interface Remote {
  name: string
  program: 'ssh' | 'scp'
  words: string[]
  stdin?: string
}

/** Options of `ssh` and `scp` by which nothing of this machine's own configuration has a say. */
export function clientOptions({ port = '22', keyFile, knownHostsFile }: Server): string[] {
  return [
    ...['-F', '/dev/null', '-i', keyFile, '-o', 'IdentitiesOnly=yes', '-o', `Port=${port}`],
    ...['-o', `UserKnownHostsFile=${knownHostsFile}`, '-o', 'StrictHostKeyChecking=yes'],
    // The client's default is post-quantum and takes twice as long on the CPU.
    ...['-o', 'KexAlgorithms=curve25519-sha256', '-o', 'BatchMode=yes']
  ]
}

/**
 * A deploy as most workflows do it: eleven commands, each over a new connection of the OpenSSH
 * client. On the server they do what ours does for the same change: the same release command, the
 * same replacement of the app and the proxy, the same waits, so that only the transport differs.
 * (`up --force-recreate` would be slower: it waits for the engine's health interval.)
 */
export function baselineCommands(image: AppImage, server: Server, token: string): Remote[] {
  const name = `${APP.image}@${image.digest}`
  const compose = ['docker', 'compose', '-f', APP.compose]
  const { web, proxy } = APP
  const both = [web.service, proxy.service]
  const override = { services: { [web.service]: { image: name, pull_policy: 'never' } } }
  const proxyFolder = `${APP.path}/${APP.proxyConf.split('/')[0]}`
  return [
    ssh('mkdir', command(['mkdir', '-p', APP.path, proxyFolder])),
    scp('copy compose file', APP.compose),
    scp('copy proxy file', APP.proxyConf),
    ssh(
      'login',
      command(['docker', 'login', '-u', APP.registryUser, '--password-stdin', APP.registry]),
      token
    ),
    ssh('pull', command(['docker', 'pull', '--quiet', name])),
    ssh('config', inFolder(command([...compose, 'config', '-q']))),
    ssh(
      'release',
      inFolder(
        command([...compose, '-f', '-', 'run', '--rm', '-T', '--no-deps', web.service]),
        command(APP.release)
      ),
      JSON.stringify(override)
    ),
    ssh(
      'replace',
      [
        inFolder(command(['docker', 'tag', name, `${APP.image}:latest`])),
        command([...compose, 'rm', '-sf', ...both]),
        command([...compose, 'create', '--no-recreate', '--no-build', '--pull', 'never', ...both]),
        command(['docker', 'start', web.container])
      ].join(' && ')
    ),
    ssh('health', healthScript()),
    ssh('logout', command(['docker', 'logout', APP.registry])),
    ssh('prune', command(['docker', 'image', 'prune', '-f']))
  ]

  function ssh(name: string, script: string, stdin?: string): Remote {
    const words = [...clientOptions(server), `${server.user}@${server.address}`, script]
    return { name, program: 'ssh', words, ...(stdin !== undefined && { stdin }) }
  }

  function scp(name: string, file: string): Remote {
    const target = `${server.user}@${server.address}:${APP.path}/${file}`
    return {
      name,
      program: 'scp',
      words: ['-q', ...clientOptions(server), `${APP.folder}/${file}`, target]
    }
  }
}

function inFolder(...words: string[]): string {
  return `cd ${quote(APP.path)} && ${words.join(' ')}`
}

/**
 * As ours: the app's own test every 250 ms; only then the proxy, which has none and is seen to
 * run for 1 s.
 */
function healthScript(): string {
  const { web, proxy } = APP
  return `n=0
until docker exec ${command([web.container, ...APP.healthTest])}; do
  n=$((n + 1)); [ "$n" -lt 240 ] || exit 1; sleep 0.25
done
docker start ${proxy.container} && sleep 1 &&
[ "$(docker inspect -f '{{.State.Status}} {{.RestartCount}}' ${proxy.container})" = 'running 0' ]`
}
