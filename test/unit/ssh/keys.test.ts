import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { keySecrets, readKey } from '../../../packages/core/src/ssh/keys.ts'

const dir = mkdtempSync(path.join(tmpdir(), 'diveops-keys-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

interface Made {
  text: string
  public: string
  fingerprint: string
}

function keygen(name: string, ...args: string[]): Made {
  const file = path.join(dir, name)
  const run = (...words: string[]) => execFileSync('ssh-keygen', words, { encoding: 'utf8' })
  run('-q', '-C', 'me@example', '-f', file, ...args)
  return {
    text: readFileSync(file, 'utf8'),
    public: readFileSync(`${file}.pub`, 'utf8').trim(),
    fingerprint: run('-lf', `${file}.pub`).split(' ')[1] as string
  }
}

const keys = {} as Record<'ed25519' | 'rsa' | 'ecdsa' | 'pem' | 'locked' | 'lockedPem', Made>
beforeAll(() => {
  keys.ed25519 = keygen('ed25519', '-t', 'ed25519', '-N', '')
  keys.rsa = keygen('rsa', '-t', 'rsa', '-b', '2048', '-N', '')
  keys.ecdsa = keygen('ecdsa', '-t', 'ecdsa', '-N', '')
  keys.pem = keygen('pem', '-t', 'rsa', '-b', '2048', '-m', 'PEM', '-N', '')
  keys.locked = keygen('locked', '-t', 'ed25519', '-a', '1', '-N', 'open sesame')
  keys.lockedPem = keygen('lockedpem', '-t', 'rsa', '-b', '2048', '-m', 'PEM', '-N', 'open sesame')
})

/** What ssh-keygen says of a key as `readKey` describes it, the comment aside. */
function known(made: Made, given = made.text, passphrase?: string) {
  const key = readKey(given, passphrase)
  expect(key.fingerprint).toBe(made.fingerprint)
  expect(key.publicKey.split(' ').slice(0, 2)).toEqual(made.public.split(' ').slice(0, 2))
  expect(key.parsed.isPrivateKey()).toBe(true)
  return key
}

test.each(['ed25519', 'rsa', 'ecdsa', 'pem'] as const)('%s as ssh-keygen writes it', name => {
  known(keys[name])
})

describe('what forms, files and shells do to a key is undone', () => {
  const spoil: Record<string, (text: string) => string> = {
    'carriage returns': text => text.replace(/\n/g, '\r\n'),
    'old Mac line ends': text => text.replace(/\n/g, '\r'),
    'byte order mark': text => `\uFEFF${text}`,
    'literal \\n': text => text.replace(/\n/g, '\\n'),
    'literal \\r\\n': text => text.replace(/\n/g, '\\r\\n'),
    'newlines turned into spaces': text => text.replace(/\n/g, ' '),
    'newlines gone': text => text.replace(/\n/g, ''),
    indented: text => text.replace(/^/gm, '    '),
    'blank lines': text => `\n\n${text.replace(/\n/g, '\n\n')}`,
    'no final newline': text => text.trimEnd(),
    quoted: text => `"${text.trim()}"`,
    base64: text => Buffer.from(text).toString('base64'),
    'base64 in lines': text =>
      Buffer.from(text)
        .toString('base64')
        .replace(/(.{76})/g, '$1\n'),
    'text before and after': text => `my key:\n${text}\nthanks\n`
  }
  test.each(Object.keys(spoil))('%s', how => {
    for (const made of [keys.ed25519, keys.pem, keys.ecdsa]) known(made, spoil[how]?.(made.text))
    known(keys.lockedPem, spoil[how]?.(keys.lockedPem.text), 'open sesame')
  })

  test('the body of an OpenSSH key without its first and last line', () => {
    known(keys.ed25519, keys.ed25519.text.split('\n').slice(1, -2).join('\n'))
  })
})

describe('PKCS8', () => {
  const pem = { format: 'pem', type: 'pkcs8' } as const
  const publicKeyEncoding = { format: 'pem', type: 'spki' } as const
  const locked = { ...pem, cipher: 'aes-256-cbc', passphrase: 'open sesame' }

  test('ed25519, rsa and ec are converted, and sign as they did', () => {
    const made = [
      generateKeyPairSync('ed25519', { privateKeyEncoding: pem, publicKeyEncoding }),
      generateKeyPairSync('rsa', {
        modulusLength: 2048,
        privateKeyEncoding: pem,
        publicKeyEncoding
      }),
      generateKeyPairSync('ec', {
        namedCurve: 'P-384',
        privateKeyEncoding: pem,
        publicKeyEncoding
      })
    ]
    const types = made.map(({ privateKey }) => {
      const { parsed, type } = readKey(privateKey)
      const signature = parsed.sign('data')
      expect(parsed.verify('data', signature)).toBe(true)
      return type
    })
    expect(types).toEqual(['ssh-ed25519', 'ssh-rsa', 'ecdsa-sha2-nistp384'])
  })

  test('encrypted', () => {
    const { privateKey } = generateKeyPairSync('ed25519', {
      privateKeyEncoding: locked,
      publicKeyEncoding
    })
    expect(readKey(privateKey, 'open sesame').type).toBe('ssh-ed25519')
    expect(() => readKey(privateKey)).toThrow(/is encrypted: give its passphrase/)
    expect(() => readKey(privateKey, 'wrong')).toThrow(/'passphrase' does not open it/)
  })

  test('a kind that SSH does not know', () => {
    const { privateKey } = generateKeyPairSync('x25519', {
      privateKeyEncoding: pem,
      publicKeyEncoding
    })
    expect(() => readKey(privateKey)).toThrow(/of type x25519, which SSH servers do not accept/)
  })
})

describe('passphrase', () => {
  test.each(['locked', 'lockedPem'] as const)('%s', name => {
    known(keys[name], keys[name].text, 'open sesame')
    known(keys[name], keys[name].text, 'open sesame\n')
    expect(() => readKey(keys[name].text)).toThrow(/'ssh-key' is encrypted: give its passphrase/)
    expect(() => readKey(keys[name].text, 'wrong')).toThrow(/'passphrase' does not open it/)
  })

  test('one that is not needed does no harm', () => {
    known(keys.ed25519, keys.ed25519.text, 'open sesame')
    known(keys.pem, keys.pem.text, 'open sesame')
  })
})

describe('what is no private key is named, and never shown', () => {
  const cases: [string, () => string, RegExp][] = [
    ['empty', () => '', /is empty, .* check that the secret exists/],
    ['blanks', () => ' \n ', /is empty/],
    ['public key', () => keys.ed25519.public, /is a public key, .* without \.pub/],
    ['public key in PEM', () => publicPem(), /is a public key/],
    ['PuTTY', () => 'PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none', /PuTTY.*puttygen/],
    [
      'certificate',
      () => 'ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQ me',
      /is a certificate/
    ],
    ['no end', () => keys.ed25519.text.slice(0, 200), /cut off: its -----END line is missing/],
    ['no beginning', () => keys.rsa.text.slice(200), /cut off: its -----BEGIN line is missing/],
    ['no middle', () => without(keys.ed25519.text, 2), /damaged or incomplete/],
    ['no middle of PEM', () => without(keys.pem.text, 3), /damaged or incomplete/],
    ['path', () => '~/.ssh/id_ed25519', /is the name of a file/],
    ['path of Windows', () => 'C:\\Users\\me\\key.pem', /is the name of a file/],
    ['fingerprint', () => keys.rsa.fingerprint, /is a fingerprint/],
    ['something else', () => 'correct horse battery staple', /is no private key \(28 characters/]
  ]
  test.each(cases)('%s', (_name, given, message) => {
    const value = given()
    let thrown: Error | undefined
    try {
      readKey(value)
    } catch (error) {
      thrown = error as Error
    }
    expect(thrown?.message).toMatch(message)
    expect(thrown?.message).toMatch(/^input 'ssh-key' is/)
    expect(thrown?.message).not.toContain('\n')
    expect(thrown?.name).toBe('UserError')
    if (value.trim() !== '') expect(thrown?.message).not.toContain(value.trim())
  })
})

test('every form of the key is there to be masked', () => {
  const spoiled = keys.ed25519.text.replace(/\n/g, ' ')
  const secrets = keySecrets(spoiled, 'open sesame')
  const body = keys.ed25519.text.split('\n').slice(1, -2)
  expect(secrets).toContain(body.join(''))
  expect(secrets).toContain('open sesame')
  expect(secrets).toEqual(expect.arrayContaining(body.slice(0, -1)))
  expect(secrets).toContain(spoiled.trim())
  expect(secrets.every(secret => secret.length >= 8)).toBe(true)
  expect(secrets.some(secret => /^[-A-Z ]+$/.test(secret))).toBe(false)
})

function without(text: string, line: number): string {
  return text
    .split('\n')
    .filter((_, index) => index !== line)
    .join('\n')
}

function publicPem(): string {
  return generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString()
}
