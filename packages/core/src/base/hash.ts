import { createHash } from 'node:crypto'

/** sha256 in hexadecimal. */
export function sha256(content: Buffer | string): string {
  return createHash('sha256').update(content).digest('hex')
}
