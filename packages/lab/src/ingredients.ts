import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { UserError } from '@diveops/core/base/errors'
import { debianMirror } from './packages.ts'

/** What images take from this machine. */
export interface Ingredients {
  /** A file with the certificate authorities that this machine trusts; empty when it has none of its own. */
  bundle: string
  /** Where Debian's packages come from. */
  mirror: string
  /** The binary of Node for the runner. */
  node: string
}

const BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem'
]

/** Looks on this machine for what images take from it. */
export async function findIngredients(): Promise<Ingredients> {
  return {
    bundle: BUNDLES.find(file => existsSync(file)) ?? '/dev/null',
    mirror: await debianMirror(),
    node: nodeBinary()
  }
}

function nodeBinary(): string {
  const require = createRequire(import.meta.url)
  try {
    return path.join(path.dirname(require.resolve('node24/package.json')), 'bin/node')
  } catch {
    throw new UserError("Node 24 for the runner is not installed: run 'npm ci'")
  }
}
