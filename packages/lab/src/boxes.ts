import { createHash } from 'node:crypto'
import { docker, inspect, tryDocker } from './docker.ts'
import { network, prefix, state } from './place.ts'
import type { Ports } from './ports.ts'
import { secretsId } from './secrets.ts'

/** The containers of a lab. */
export type BoxName = 'vps' | 'runner' | 'registry' | 'mirror' | 'acme'

export const BOX_NAMES: readonly BoxName[] = ['vps', 'runner', 'registry', 'mirror', 'acme']

/** How a box is made. */
export interface Box {
  name: BoxName
  image: string
  options: readonly string[]
  /** Files that are put into it before it starts: path in the box to path on this machine. */
  files: Record<string, string>
}

const KEY_LABEL = 'diveops-lab.key'

/** The name of a box's container. */
export function container(name: BoxName): string {
  return `${prefix}-${name}`
}

/** All boxes; `privileges` are the options that let a container run an engine of its own. */
export function boxTable(
  images: Record<BoxName, string>,
  ports: Ports,
  privileges: readonly string[]
): Box[] {
  const authority = state('secrets/ca/ca.crt')
  const hostKeys = ['ed25519', 'ecdsa', 'rsa'].flatMap(type => {
    const key = `ssh_host_${type}_key`
    return [key, `${key}.pub`].map(name => [`/etc/ssh/${name}`, state('secrets/vps', name)])
  })
  const registryFiles = ['ghcr.crt', 'ghcr.key', 'htpasswd'].map(name => {
    return [`/etc/lab/${name}`, state('secrets/registry', name)]
  })
  const acmeFiles = ['acme.crt', 'acme.key'].map(name => {
    return [`/etc/lab/${name}`, state('secrets/acme', name)]
  })
  const letsEncrypt = ['acme-v02', 'acme-staging-v02'].flatMap(name => {
    return ['--network-alias', `${name}.api.letsencrypt.org`]
  })
  const publish = (port: number, to: number) => ['--publish', `127.0.0.1:${port}:${to}`]
  const data = (name: BoxName, folder: string) => ['--volume', `${container(name)}:${folder}`]
  return [
    {
      name: 'vps',
      image: images.vps,
      options: [
        ...privileges,
        // What it has pulled is older than what another mirror has.
        ...['--label', `diveops-lab.mirror=${images.mirror}`],
        ...data('vps', '/var/lib/docker'),
        ...publish(ports.ssh, 22),
        ...publish(ports.http, 80),
        ...publish(ports.https, 443)
      ],
      files: {
        '/home/captain/.ssh/authorized_keys': state('secrets/ssh/id_ed25519.pub'),
        '/etc/docker/certs.d/ghcr.io/ca.crt': authority,
        '/usr/local/share/ca-certificates/lab.crt': authority,
        ...Object.fromEntries(hostKeys)
      }
    },
    {
      name: 'runner',
      image: images.runner,
      options: [...privileges, ...data('runner', '/var/lib/docker')],
      files: {
        '/etc/docker/certs.d/ghcr.io/ca.crt': authority,
        '/usr/local/share/ca-certificates/lab.crt': authority
      }
    },
    {
      name: 'registry',
      image: images.registry,
      options: ['--network-alias', 'ghcr.io', ...data('registry', '/var/lib/docker-registry')],
      files: Object.fromEntries(registryFiles)
    },
    { name: 'mirror', image: images.mirror, options: [], files: {} },
    {
      name: 'acme',
      image: images.acme,
      options: letsEncrypt,
      files: { '/etc/lab/ca.crt': authority, ...Object.fromEntries(acmeFiles) }
    }
  ]
}

/**
 * Makes sure that a box runs and is what the table says: a stopped one is started, one of another
 * image or other secrets is made anew. Returns what was done.
 */
export async function ensureBox(box: Box): Promise<'kept' | 'started' | 'made'> {
  const name = container(box.name)
  const key = createHash('sha256')
    .update(JSON.stringify([box, await secretsId()]))
    .digest('hex')
  const format = `{{index .Config.Labels "${KEY_LABEL}"}} {{.State.Status}}`
  const found = await inspect('container', name, format)
  if (found === `${key} running`) return 'kept'
  // One that was only created may lack its files.
  if (found === `${key} exited`) {
    await docker(['start', name])
    return 'started'
  }
  await removeBox(box.name)
  await docker([
    'create',
    ...['--name', name, '--hostname', box.name, '--label', `${KEY_LABEL}=${key}`],
    ...['--network', network, '--network-alias', box.name, '--network-alias', `${box.name}.lab`],
    ...box.options,
    box.image
  ])
  for (const [target, source] of Object.entries(box.files)) {
    await docker(['cp', source, `${name}:${target}`])
  }
  await docker(['start', name])
  return 'made'
}

/** Removes a box with its data. */
export async function removeBox(name: BoxName): Promise<void> {
  await tryDocker(['rm', '--force', '--volumes', container(name)])
  await tryDocker(['volume', 'rm', '--force', container(name)])
}
