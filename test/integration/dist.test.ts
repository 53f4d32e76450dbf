import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { BUNDLE_FILES, bundledNames, root } from '@diveops/build'
import { expect, test } from '@jest/globals'

test('a clean build gives the same bytes as dist', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'diveops-dist-'))
  try {
    const words = ['packages/build/lib/main.js', 'build', '--into', folder]
    execFileSync(process.execPath, words, { cwd: root, stdio: 'pipe' })
    const different: string[] = []
    for (const name of await bundledNames()) {
      for (const file of BUNDLE_FILES) {
        const fresh = await readFile(path.join(folder, name, file))
        const committed = await readFile(path.join(root, 'dist', name, file))
        if (!fresh.equals(committed)) different.push(`dist/${name}/${file}`)
      }
    }
    expect(different).toEqual([])
  } finally {
    await rm(folder, { recursive: true })
  }
}, 120_000)
