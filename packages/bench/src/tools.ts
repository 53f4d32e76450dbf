import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { UserError } from '@diveops/core/base/errors'
import type { Say } from '@diveops/lab'

/** Programs: how each is asked whether it is there, and its packages. */
const TOOLS = {
  cc: { words: ['--version'], packages: ['gcc', 'libc6-dev'] },
  ip: { words: ['-V'], packages: ['iproute2'] },
  ssh: { words: ['-V'], packages: ['openssh-client'] },
  git: { words: ['--version'], packages: ['git'] }
} as const

/** Refuses to go on where no slow link can be made. */
export function refuseWithoutDevices(): void {
  if (process.getuid?.() !== 0) {
    throw new UserError(
      'a slow link takes network devices, which only root can make: run it as root'
    )
  }
  if (!existsSync('/dev/net/tun')) {
    throw new UserError('/dev/net/tun is missing: this machine needs the kernel module tun')
  }
}

/** Makes sure of the programs that a benchmark needs; as root on Debian it installs what is missing. */
export function ensureTools(say: Say, names: readonly (keyof typeof TOOLS)[]): void {
  const missing = names.filter(name => spawnSync(name, TOOLS[name].words).error)
  if (missing.length === 0) return
  const packages = missing.flatMap(name => TOOLS[name].packages)
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    throw new UserError(
      `missing: ${missing.join(', ')}; Debian's packages are named ${packages.join(' ')}`
    )
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
