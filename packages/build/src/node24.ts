import { existsSync } from 'node:fs'
import path from 'node:path'
import { UserError } from '@diveops/core/base/errors'
import { root } from './paths.ts'

/** Node 24, which runs actions; the one that runs our programs may be older. */
export function node24(): string {
  const ours = path.join(root, 'node_modules/node24/bin/node')
  if (existsSync(ours)) return ours
  if (process.versions.node.startsWith('24.')) return process.execPath
  throw new UserError(`${ours} is missing, which npm installs on Linux with x64: run it there`)
}
