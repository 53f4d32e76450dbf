import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { actionFolder } from './actions.ts'
import { root } from './paths.ts'

interface Locked {
  version?: string
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

type Lock = Record<string, Locked>

/**
 * A hash of everything that an action's bundle is made from: our compiled modules that it reaches,
 * the versions of the packages that they use, and the bundler with its settings. It tells in
 * milliseconds whether dist is up to date, for which bundling anew would take seconds.
 */
export async function fingerprint(name: string): Promise<string> {
  const modules = new Map<string, string>()
  const packages = new Set<string>(['@vercel/ncc'])
  await visitModule(path.join(actionFolder(name), 'lib/index.js'), modules, packages)
  // Tests run the sources, the build what is compiled from them: both hash the latter.
  await visitModule(path.join(root, 'packages/build/lib/bundle.js'), modules, new Set())
  const versions = await lockedVersions(packages)
  const hash = createHash('sha256')
  for (const [file, code] of [...modules].sort())
    hash.update(`${path.relative(root, file)}\0${code}\0`)
  for (const version of versions) hash.update(`${version}\0`)
  return hash.digest('hex')
}

const IMPORT = /(?:\bfrom|^import|\bimport\()\s*['"]([^'"]+)['"]/gm

async function visitModule(
  file: string,
  modules: Map<string, string>,
  packages: Set<string>
): Promise<void> {
  if (modules.has(file)) return
  const code = await readFile(file, 'utf8')
  modules.set(file, code)
  for (const [, specifier = ''] of code.matchAll(IMPORT)) {
    const ours = /^@diveops\/(\w+)\/(.+)$/.exec(specifier)
    if (specifier.startsWith('.')) {
      await visitModule(path.resolve(path.dirname(file), specifier), modules, packages)
    } else if (ours) {
      const target = path.join(root, 'packages', ours[1] as string, 'lib', `${ours[2]}.js`)
      await visitModule(target, modules, packages)
    } else if (!specifier.startsWith('node:')) {
      packages.add(/^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] as string)
    }
  }
}

/** `place version` of packages and of everything that they depend on, from the lock file. */
async function lockedVersions(packages: Set<string>): Promise<string[]> {
  const lock = JSON.parse(await readFile(path.join(root, 'package-lock.json'), 'utf8'))
  const entries = Object.entries(lock.packages as Lock)
  const found = new Set<string>()
  const open = [...packages]
  const seen = new Set(open)
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const places = entries.filter(([place]) => place.endsWith(`node_modules/${name}`))
    for (const [place, { version, dependencies, optionalDependencies }] of places) {
      found.add(`${place} ${version}`)
      for (const next of Object.keys({ ...dependencies, ...optionalDependencies })) {
        if (seen.has(next)) continue
        seen.add(next)
        open.push(next)
      }
    }
  }
  return [...found].sort()
}
