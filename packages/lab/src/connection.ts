import { UserError } from '@diveops/core/base/errors'
import { container } from './boxes.ts'
import { inspect } from './docker.ts'
import { network, state } from './place.ts'
import { savedPorts } from './ports.ts'
import { SERVER_USER } from './secrets.ts'

/** How to reach the lab's server from this machine. */
export interface Connection {
  LAB_SSH_HOST: string
  LAB_SSH_PORT: string
  LAB_SSH_USER: string
  /** File of the private key. */
  LAB_SSH_KEY: string
  /** File with the server's host keys. */
  LAB_KNOWN_HOSTS: string
  /** URL of the server's port 80. */
  LAB_HTTP: string
  /** URL of the server's port 443. */
  LAB_HTTPS: string
}

/** How to reach the server of the lab that runs; an error when none does. */
export async function connection(): Promise<Connection> {
  const ports = await savedPorts()
  if (!ports) throw new UserError("the lab is not running: start it with 'npm run lab -- up'")
  return {
    LAB_SSH_HOST: '127.0.0.1',
    LAB_SSH_PORT: String(ports.ssh),
    LAB_SSH_USER: SERVER_USER,
    LAB_SSH_KEY: state('secrets/ssh/id_ed25519'),
    LAB_KNOWN_HOSTS: state('known_hosts'),
    LAB_HTTP: `http://127.0.0.1:${ports.http}`,
    LAB_HTTPS: `https://127.0.0.1:${ports.https}`
  }
}

/** The server's address in the lab's own network, where its ports are the real ones. */
export async function serverAddress(): Promise<string> {
  const format = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`
  const address = await inspect('container', container('vps'), format)
  if (!address) throw new UserError("the lab is not running: start it with 'npm run lab -- up'")
  return address
}
