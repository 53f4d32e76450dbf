import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { UserError } from '@diveops/core/base/errors'
import type { Say } from '@diveops/lab'

/** Programs that are needed: how each is asked whether it is there, and its packages. */
const TOOLS: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['cc', ['--version'], ['gcc', 'libc6-dev']],
  ['ip', ['-V'], ['iproute2']],
  ['ssh', ['-V'], ['openssh-client']],
  ['git', ['--version'], ['git']]
]

/** Makes sure of what a slow link needs here; as root on Debian it installs what is missing. */
export function ensureTools(say: Say): void {
  if (process.getuid?.() !== 0) {
    throw new UserError(
      'a slow link takes network devices, which only root can make: run it as root'
    )
  }
  if (!existsSync('/dev/net/tun')) {
    throw new UserError('/dev/net/tun is missing: this machine needs the kernel module tun')
  }
  const missing = TOOLS.filter(([name, words]) => spawnSync(name, words).error)
  if (missing.length === 0) return
  const packages = missing.flatMap(([, , names]) => names)
  if (!existsSync('/usr/bin/apt-get')) {
    const names = missing.map(([name]) => name).join(', ')
    throw new UserError(`missing: ${names}; Debian's packages are named ${packages.join(' ')}`)
  }
  say(`installing ${packages.join(' ')}`)
  apt(['update'])
  apt(['install', '-y', '--no-install-recommends', ...packages])
}

function apt(words: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const { status, stderr } = spawnSync('apt-get', ['-qq', ...words], { env, encoding: 'utf8' })
  if (status !== 0) throw new UserError(`apt-get ${words[0]} failed: ${errorLines(stderr)}`)
}

function errorLines(text: string): string {
  return text.trim().split('\n').slice(-5).join(' · ')
}
