import { createHash, type KeyObject } from 'node:crypto'
import { formatPem } from './pem.ts'

/** `SHA256:...` of a public key in SSH's wire format, as `ssh-keygen -l` prints it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`
}

/** The type that a public key in SSH's wire format names itself; undefined when it is none. */
export function wireType(key: Buffer): string | undefined {
  if (key.length < 5) return undefined
  const length = key.readUInt32BE(0)
  if (length > 64 || key.length <= 4 + length) return undefined
  return key.toString('latin1', 4, 4 + length)
}

/**
 * A private key that ssh2 reads, from one that Node read: RSA as PKCS1, EC as SEC1, Ed25519 as
 * OpenSSH writes it. Undefined for other kinds, which SSH does not know.
 */
export function exportKey(key: KeyObject): string | undefined {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return key.export({ type: 'pkcs1', format: 'pem' }).toString()
    case 'ec':
      return key.export({ type: 'sec1', format: 'pem' }).toString()
    case 'ed25519':
      return formatEd25519(key)
    default:
      return undefined
  }
}

function formatEd25519(key: KeyObject): string {
  const { d, x } = key.export({ format: 'jwk' })
  const secret = Buffer.from(d ?? '', 'base64url')
  const open = Buffer.from(x ?? '', 'base64url')
  const type = string(Buffer.from('ssh-ed25519'))
  const shared = Buffer.concat([type, string(open)])
  // Two equal numbers, by which a reader sees that it decrypted well; nothing is encrypted here.
  const check = Buffer.alloc(8)
  const inner = Buffer.concat([check, shared, string(Buffer.concat([secret, open])), string('')])
  const padding = Buffer.from(Array.from({ length: (8 - (inner.length % 8)) % 8 }, (_, i) => i + 1))
  const none = string('none')
  const one = Buffer.from([0, 0, 0, 1])
  const body = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    ...[none, none, string(''), one, string(shared), string(Buffer.concat([inner, padding]))]
  ])
  return formatPem({
    label: 'OPENSSH PRIVATE KEY',
    headers: [],
    body: body.toString('base64')
  })
}

function string(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}
