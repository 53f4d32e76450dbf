import { existsSync } from 'node:fs'
import path from 'node:path'
import { root, staleBundles } from '@diveops/build'
import { UserError } from '@diveops/core/base/errors'

/** Node 24, which runs actions; the one that runs the benchmark may be older. */
export function node24(): string {
  const ours = path.join(root, 'node_modules/node24/bin/node')
  if (existsSync(ours)) return ours
  if (process.versions.node.startsWith('24.')) return process.execPath
  throw new UserError(`${ours} is missing, which npm installs on Linux with x64: run it there`)
}

/** Refuses to measure bundles that are not made from the present sources. */
export async function refuseStaleBundles(): Promise<void> {
  const names = await staleBundles()
  if (names.length === 0) return
  throw new UserError(`out of date in dist/: ${names.join(', ')}; make them anew: npm run build`)
}
