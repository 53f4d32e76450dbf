import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { succeed } from './process.ts'

const DEFAULT_MIRROR = 'http://deb.debian.org/debian'

/** Whether Debian packages can be installed on this machine. */
export function isDebianRoot(): boolean {
  return existsSync('/usr/bin/apt-get') && process.getuid?.() === 0
}

/** Installs Debian packages on this machine. */
export async function installPackages(names: readonly string[]): Promise<void> {
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  await succeed('apt-get', ['-qq', 'update'], { env })
  await succeed('apt-get', ['-qq', 'install', '-y', '--no-install-recommends', ...names], { env })
}

/** The URL from which this machine gets Debian's packages, or Debian's own where it is no Debian. */
export async function debianMirror(): Promise<string> {
  for (const file of await sourceFiles()) {
    const text = await readFile(file, 'utf8').catch(() => '')
    const mirror = mirrorIn(text)
    if (mirror !== undefined) return mirror
  }
  return DEFAULT_MIRROR
}

/** The first mirror of Debian's main archive that a sources file names, in either of apt's formats. */
export function mirrorIn(sources: string): string | undefined {
  const stanzas = sources.split(/\n\s*\n/).filter(text => /^URIs:/m.test(text))
  const entries = [...stanzas, ...sources.split('\n').filter(line => /^\s*deb\s/.test(line))]
  // Other programs' archives end in /debian too, but have no component of this name.
  const urls = entries
    .filter(entry => /\smain\b/.test(entry))
    .flatMap(entry => entry.match(/https?:\/\/[^\s#]+/g) ?? [])
  return urls.map(url => url.replace(/\/+$/, '')).find(url => url.endsWith('/debian'))
}

async function sourceFiles(): Promise<string[]> {
  const folder = '/etc/apt/sources.list.d'
  const names = await readdir(folder).catch(() => [])
  return ['/etc/apt/sources.list', ...names.sort().map(name => path.join(folder, name))]
}
