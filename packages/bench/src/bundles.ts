import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { bundledNames, node24, root } from '@diveops/build'
import type { Options } from './benchmark.ts'
import { median, round } from './statistics.ts'
import { runStep } from './step.ts'
import { table } from './table.ts'
import { timed } from './timed.ts'

/** Size and cold start of one bundle. */
interface Bundle {
  bytes: number
  gzip: number
  /** Median time of its process, started with no inputs, so that it ends at its first check. */
  startMs: number
  /** What of that is not Node itself: less the median of an empty script. */
  ownMs: number
}

const EMPTY = 'empty script'

/** Measures bytes, compressed bytes, and the cold start on Node 24 beside an empty script. */
export async function bundles({ repeat, say, signal }: Options) {
  const names = await bundledNames()
  const times = await measureStarts(names, repeat, signal)
  const emptyMs = median(times.get(EMPTY) ?? [])
  const figures: Record<string, Bundle> = {}
  for (const name of names) {
    const code = await readFile(path.join(root, 'dist', name, 'index.js'))
    const startMs = median(times.get(name) ?? [])
    figures[name] = {
      bytes: code.length,
      gzip: gzipSync(code, { level: 9 }).length,
      startMs: round(startMs, 1),
      ownMs: round(startMs - emptyMs, 1)
    }
  }
  say(
    table(
      ['bundle', 'bytes', 'gzip', 'start ms', 'own ms'],
      [
        [EMPTY, '', '', emptyMs.toFixed(1), ''],
        ...Object.entries(figures).map(([name, { bytes, gzip, startMs, ownMs }]) => [
          name,
          String(bytes),
          String(gzip),
          startMs.toFixed(1),
          ownMs.toFixed(1)
        ])
      ]
    )
  )
  say(`\nmedians of ${repeat} starts on Node 24, in turns\n`)
  return { bench: 'bundles', repeat, emptyMs: round(emptyMs, 1), bundles: figures }
}

async function measureStarts(
  names: readonly string[],
  repeat: number,
  signal: AbortSignal
): Promise<Map<string, number[]>> {
  const folder = await mkdtemp(path.join(tmpdir(), 'diveops-bench-'))
  const times = new Map<string, number[]>()
  try {
    const script = path.join(folder, 'empty.js')
    await writeFile(script, '')
    // The first round only fills the caches of the file system.
    for (let turn = 0; turn <= repeat; turn++) {
      const took = new Map([[EMPTY, (await timed(node24(), [script], { signal })).ms]])
      for (const action of names) {
        const { code, output, ms } = await runStep({ action, inputs: {} }, signal)
        if (code !== 1) throw new Error(`'${action}' did not refuse missing inputs:\n${output}`)
        took.set(action, ms)
      }
      for (const [name, ms] of turn === 0 ? [] : took) {
        times.set(name, [...(times.get(name) ?? []), ms])
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return times
}
