import { mkdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import ncc from '@vercel/ncc'
import { actionFolder } from './actions.ts'
import { fingerprint } from './fingerprint.ts'
import { root } from './paths.ts'

/** ssh2 is CommonJS and reads `__dirname`, which an ES module lacks (vercel/ncc#749). */
const BANNER = 'const __dirname = import.meta.dirname\n'

/**
 * Bundles an action's compiled sources into `folder`: index.js, licenses.txt and package.json,
 * byte-identical for the same sources and lock file. What else ncc finds is optional native code,
 * which would differ from machine to machine.
 */
export async function bundle(name: string, folder: string): Promise<void> {
  // Module ids are hashes of paths relative to the working folder.
  if (process.cwd() !== root) throw new Error(`bundles are made from ${root}, not ${process.cwd()}`)
  const { code, assets } = await ncc(path.join(actionFolder(name), 'lib/index.js'), {
    cache: false,
    license: 'licenses.txt',
    quiet: true,
    target: 'es2022'
  })
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  await writeFile(path.join(folder, 'index.js'), BANNER + code)
  const licenses = assets['licenses.txt']
  if (!licenses) throw new Error(`ncc made no licenses.txt for ${name}`)
  await writeFile(path.join(folder, 'licenses.txt'), licenses.source)
  const manifest = { type: 'module', sources: await fingerprint(name) }
  await writeFile(path.join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
}
