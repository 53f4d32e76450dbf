import { createPrivateKey } from 'node:crypto'
import { type ParsedKey, utils } from 'ssh2'
import { UserError } from '../base/errors.ts'
import { exportKey, fingerprint } from './openssh.ts'
import { findPem, formatPem, type Pem, repairText } from './pem.ts'

/** A private key that is known to work, and what may be said of it. */
export interface SshKey {
  /** Decrypted, for ssh2. */
  parsed: ParsedKey
  /** Such as `ssh-ed25519`. */
  type: string
  /** `SHA256:...` of the public half. */
  fingerprint: string
  /** The line that lets this key in when it stands in `~/.ssh/authorized_keys`. */
  publicKey: string
}

const INPUT = `input 'ssh-key'`
const GENERATE = 'ssh-keygen -t ed25519 -N "" -f deploy_key'
/** Shorter pieces of a key are no secret and too easily part of something else. */
const SHORTEST_PIECE = 12

/**
 * The private key that a user gave, repaired where a form or a file spoiled its line breaks. Throws
 * a `UserError` that names the cause, and never the value, when there is no usable key in it.
 */
export function readKey(given: string, passphrase?: string): SshKey {
  const text = repairText(given)
  if (text === '') {
    throw new UserError(
      `${INPUT} is empty, expected a private key; check that the secret exists in this repository ` +
        'or environment (forks and other environments do not get it)'
    )
  }
  const pem = findPem(text).find(({ label }) => label.endsWith('PRIVATE KEY'))
  if (pem === undefined) throw new UserError(`${INPUT} ${whatElse(text)}`)
  const parsed =
    pem.label === 'OPENSSH PRIVATE KEY' ? readOpenSsh(pem, passphrase) : readPem(pem, passphrase)
  const wire = parsed.getPublicSSH()
  return {
    parsed,
    type: parsed.type,
    fingerprint: fingerprint(wire),
    publicKey: `${parsed.type} ${wire.toString('base64')} ${parsed.comment || 'deploy'}`
  }
}

/** Everything to mask of a key before anything is done with it: as given, repaired, piece by piece. */
export function keySecrets(given: string, passphrase?: string): string[] {
  const text = repairText(given)
  const blocks = findPem(text).filter(({ label }) => label.endsWith('PRIVATE KEY'))
  const forms = [given, text, ...blocks.flatMap(pem => [pem.body, formatPem(pem)])]
  const pieces = forms
    .flatMap(form => [...form.split(/\r\n?|\n/), ...form.split(/\s+|\\r|\\n/)])
    .map(piece => piece.trim())
    .filter(piece => piece.length >= SHORTEST_PIECE && !/^(?:-----)?[A-Z ]+(?:-----)?$/.test(piece))
  const words = [passphrase, passphrase?.trim()].filter(word => word !== undefined && word !== '')
  return [...new Set([...pieces, ...words])] as string[]
}

function readOpenSsh(pem: Pem, passphrase: string | undefined): ParsedKey {
  const bytes = Buffer.from(pem.body, 'base64')
  if (bytes.includes('sk-ssh-') || bytes.includes('sk-ecdsa-')) {
    throw new UserError(
      `${INPUT} belongs to a security key, which must be touched; make one without: ${GENERATE}`
    )
  }
  const encrypted = !bytes.subarray(0, 40).includes('\0\0\0\x04none')
  return parse(formatPem(pem), encrypted, passphrase)
}

function readPem(pem: Pem, passphrase: string | undefined): ParsedKey {
  const encrypted = pem.label.startsWith('ENCRYPTED') || pem.headers.length > 0
  if (encrypted && passphrase === undefined) throw needsPassphrase()
  const key = attempts(passphrase)
    .map(word => {
      try {
        const secret = encrypted && word !== undefined ? { passphrase: word } : {}
        return createPrivateKey({ key: formatPem(pem), format: 'pem', ...secret })
      } catch {
        return undefined
      }
    })
    .find(candidate => candidate !== undefined)
  if (key === undefined) throw encrypted ? wrongPassphrase() : damaged()
  const text = exportKey(key)
  if (text === undefined) {
    throw new UserError(
      `${INPUT} is a key of type ${key.asymmetricKeyType}, which SSH servers do not accept; ` +
        `make another: ${GENERATE}`
    )
  }
  return parse(text, false, undefined)
}

function parse(text: string, encrypted: boolean, passphrase: string | undefined): ParsedKey {
  if (encrypted && passphrase === undefined) throw needsPassphrase()
  for (const word of encrypted ? attempts(passphrase) : [undefined]) {
    const key = parseWith(text, word)
    if (key === undefined) continue
    if ((key.type as string) === 'ssh-dss') {
      throw new UserError(`${INPUT} is a DSA key, which servers refuse; make another: ${GENERATE}`)
    }
    return key
  }
  throw encrypted ? wrongPassphrase() : damaged()
}

function parseWith(text: string, passphrase: string | undefined): ParsedKey | undefined {
  try {
    const parsed = utils.parseKey(text, passphrase) as ParsedKey | ParsedKey[] | Error
    const key = Array.isArray(parsed) ? parsed[0] : parsed
    return key instanceof Error || !key?.isPrivateKey() ? undefined : key
  } catch {
    return undefined
  }
}

/** A passphrase that was pasted with a newline after it is tried without. */
function attempts(passphrase: string | undefined): (string | undefined)[] {
  const bare = passphrase?.replace(/[\r\n]+$/, '')
  return bare === passphrase ? [passphrase] : [passphrase, bare]
}

function needsPassphrase(): UserError {
  return new UserError(`${INPUT} is encrypted: give its passphrase in the input 'passphrase'`)
}

function wrongPassphrase(): UserError {
  return new UserError(
    `${INPUT} is encrypted and the input 'passphrase' does not open it (or the key is damaged): ` +
      `try both with 'ssh-keygen -y -f FILE'`
  )
}

function damaged(): UserError {
  return new UserError(
    `${INPUT} is a private key that is damaged or incomplete: copy the whole file again, with its ` +
      'first and last line'
  )
}

/** What a text without a private key is, as the rest of a sentence. */
function whatElse(text: string): string {
  const expected = 'expected a private key, from -----BEGIN to the END line'
  if (/-cert-v01@openssh\.com |-----BEGIN CERTIFICATE-----/.test(text)) {
    return `is a certificate, ${expected}; certificates are not supported, add the public key itself to authorized_keys`
  }
  if (/^PuTTY-User-Key-File/m.test(text)) {
    return `is in PuTTY's format, ${expected}; convert it: puttygen key.ppk -O private-openssh -o key`
  }
  if (/-----BEGIN [A-Z ]*PRIVATE KEY/.test(text)) {
    return 'is cut off: its -----END line is missing; copy the whole file again'
  }
  if (/-----END [A-Z ]*PRIVATE KEY/.test(text)) {
    return 'is cut off: its -----BEGIN line is missing; copy the whole file again'
  }
  if (/^(?:\S+ +)?(?:ssh-|ecdsa-|sk-)\S+ +AAAA|PUBLIC KEY/m.test(text)) {
    return `is a public key, ${expected}: the file without .pub`
  }
  if (/^SHA256:/.test(text)) return `is a fingerprint, ${expected}`
  if (!/\s/.test(text) && /^(?:[~.]?\/|[A-Za-z]:\\|\.ssh)|\/id_|\.(?:pem|key)$/.test(text)) {
    return `is the name of a file, ${expected}: its content, not where it is`
  }
  return `is no private key (${text.length} characters without a -----BEGIN line), ${expected}`
}
