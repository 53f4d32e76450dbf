import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { docker } from './docker.ts'
import { prefix, state, stateFolder } from './place.ts'
import { succeed } from './process.ts'

/** The account whose images the lab's registry holds. */
export const OWNER = 'nestorwheelock'

/** The user of the server that deploys. */
export const SERVER_USER = 'captain'

/** Makes the keys, certificates and the registry's token of this lab unless it has them. */
export async function ensureSecrets(registryTag: string): Promise<void> {
  // A lab that is older than the box acme has none for it: all are made anew, and with them all boxes.
  if (existsSync(state('secrets/acme'))) return
  await mkdir(stateFolder, { recursive: true, mode: 0o700 })
  // Out as text, because the folder is written by whoever runs the lab and not by a container.
  const command = 'make-secrets "$0" | base64'
  const text = await docker(['run', '--rm', registryTag, 'sh', '-c', command, OWNER])
  const temporary = state('secrets.new')
  await rm(temporary, { recursive: true, force: true })
  await mkdir(temporary, { mode: 0o700 })
  await succeed('tar', ['-xf', '-', '-C', temporary], { stdin: Buffer.from(text, 'base64') })
  await rm(state('secrets'), { recursive: true, force: true })
  await rename(temporary, state('secrets'))
}

/** The server's host keys as lines of a known_hosts file for the given name, such as `[127.0.0.1]:2222`. */
export async function knownHosts(name: string): Promise<string> {
  const types = ['ed25519', 'ecdsa', 'rsa']
  const lines = types.map(async type => {
    const text = await readFile(state('secrets/vps', `ssh_host_${type}_key.pub`), 'utf8')
    return `${name} ${text.split(' ').slice(0, 2).join(' ')}\n`
  })
  return (await Promise.all(lines)).join('')
}

/** The password of the lab's ghcr.io. */
export async function registryToken(): Promise<string> {
  return (await readFile(state('secrets/registry/token'), 'utf8')).trim()
}

/** The private key of the server's user. */
export async function serverKey(): Promise<string> {
  return readFile(state('secrets/ssh/id_ed25519'), 'utf8')
}

/** Writes the known_hosts file for clients on this machine. */
export async function writeKnownHosts(sshPort: number): Promise<void> {
  await writeFile(state('known_hosts'), await knownHosts(`[127.0.0.1]:${sshPort}`))
}

/** What the names of boxes are marked with, so that boxes with other secrets are made anew. */
export async function secretsId(): Promise<string> {
  return `${prefix} ${await knownHosts('vps')}`
}
