import { APP_PATH, APP_PATH_WORDS } from '../base/apppath.ts'
import { badInput, choice, integer, optional, required, secret } from './inputs.ts'

/** The inputs that every action with a host shares, as written. */
export interface HostInputs {
  host: string
  user: string
  sshKey: string
  passphrase: string | undefined
  port: number
  knownHosts: string | undefined
  hostKeyPolicy: 'strict' | 'accept-unverified'
  config: string | undefined
  path: string | undefined
}

/** Names of the shared inputs, as in action.yml. */
export const HOST_INPUTS = [
  'host',
  'user',
  'ssh-key',
  'passphrase',
  'port',
  'known-hosts',
  'host-key-policy',
  'config',
  'path'
] as const

/** Reads the shared inputs. The key is judged later, where there are words for each mistake. */
export function readHostInputs(): HostInputs {
  return {
    host: required('host', 'the name or address of the server'),
    user: required('user', 'the user to log in as'),
    sshKey: secret('ssh-key') ?? '',
    passphrase: secret('passphrase'),
    port: integer('port', 1, 65_535) ?? 22,
    knownHosts: optional('known-hosts'),
    hostKeyPolicy: choice('host-key-policy', ['strict', 'accept-unverified'], 'strict'),
    config: optional('config'),
    path: readPath()
  }
}

function readPath(): string | undefined {
  const path = optional('path')?.replace(/(?<=.)\/+$/, '')
  if (path === undefined || APP_PATH.test(path)) return path
  throw badInput('path', path, APP_PATH_WORDS)
}
