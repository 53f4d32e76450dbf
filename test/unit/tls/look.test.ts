import { createPrivateKey, createPublicKey } from 'node:crypto'
import { beforeAll, describe, expect, test } from '@jest/globals'
import { lifeLeft } from '../../../packages/core/src/health/life.ts'
import {
  type Certificate,
  covers,
  parseCertificate
} from '../../../packages/core/src/tls/certificate.ts'
import {
  type CertificateFile,
  lifeWarning,
  look,
  type Trouble
} from '../../../packages/core/src/tls/look.ts'
import { type Authority, makeAuthority, type Pair } from '../../harness/certificates.ts'

let authority: Authority
let good: Pair
let other: Pair

beforeAll(async () => {
  authority = await makeAuthority()
  good = await authority.issue({ names: ['A.example', '*.a.example'], toDays: 89 })
  other = await authority.issue({ names: ['b.example'] })
})

const certificate = ({ cert }: Pair): CertificateFile => ({
  certificates: cert,
  publicKey: undefined
})
const key = ({ key: pem }: Pair): CertificateFile => ({
  certificates: '',
  publicKey: createPublicKey(createPrivateKey(pem)).export({
    type: 'spki',
    format: 'pem'
  }) as string
})

/** One site of a.example, whose files are these. */
function lookAt(
  files: Record<string, CertificateFile | Trouble>,
  names = ['a.example', 'www.a.example'],
  now = new Date()
) {
  const site = { names, certificate: '/c/fullchain.pem', key: '/c/privkey.pem' }
  const given: Record<string, CertificateFile | Trouble> = {
    '/c/fullchain.pem': certificate(good),
    '/c/privkey.pem': key(good),
    ...files
  }
  const [found] = look([site], path => given[path] ?? 'missing', now)
  if (!found) throw new Error('a site gives a look')
  return found
}

describe('a certificate', () => {
  test('is read with what its file holds', () => {
    const read = parseCertificate(`bag attributes\n${good.cert}\n${authority.cert}\n`)
    expect(read).toMatchObject({ names: ['a.example', '*.a.example'], chain: 2 })
    expect(read?.serial).toMatch(/^[1-9a-f][0-9a-f]*$/)
    expect(read?.notAfter.getTime()).toBeGreaterThan(Date.now() + 88 * 86_400_000)
    expect(read?.publicKey).not.toBe(parseCertificate(other.cert)?.publicKey)
  })

  test('is none when it is something else', () => {
    for (const text of ['', 'certificate', good.key, good.cert.slice(0, 300)]) {
      expect(parseCertificate(text)).toBeUndefined()
    }
  })

  test.each([
    ['a.example', true],
    ['www.a.example', true],
    ['*.a.example', true],
    ['.a.example', true],
    ['x.www.a.example', false],
    ['b.example', false],
    ['*.b.example', false]
  ])('covers %s: %s', (name, expected) => {
    expect(covers(parseCertificate(good.cert) as Certificate, name)).toBe(expected)
  })

  test('has a part of its life left', () => {
    const life = { notBefore: new Date(1000), notAfter: new Date(5000) }
    const parts = [0, 1000, 4000, 5000, 9000].map(at => lifeLeft(life, new Date(at)))
    expect(parts).toEqual([1, 1, 0.25, 0, 0])
  })
})

describe('looking', () => {
  test('a good one', () => {
    expect(lookAt({})).toMatchObject({ verdict: 'good', problem: undefined })
    const unknown = { certificates: '', publicKey: 'unknown' }
    expect(lookAt({ '/c/privkey.pem': unknown }).verdict).toBe('good')
  })

  test.each<[string, () => Record<string, CertificateFile | Trouble>, string]>([
    [
      'missing',
      () => ({ '/c/fullchain.pem': 'missing' }),
      'there is no certificate /c/fullchain.pem'
    ],
    ['no key', () => ({ '/c/privkey.pem': 'missing' }), 'there is no key /c/privkey.pem'],
    [
      'a dangling link',
      () => ({ '/c/fullchain.pem': 'dangling' }),
      'the certificate /c/fullchain.pem is a link that leads nowhere'
    ],
    [
      'a link out of the mount',
      () => ({ '/c/fullchain.pem': 'not-mounted' }),
      "the certificate /c/fullchain.pem is a link out of what the proxy's container mounts; mount the whole folder"
    ],
    ['empty', () => ({ '/c/privkey.pem': 'empty' }), 'the key /c/privkey.pem is empty'],
    [
      'not a certificate',
      () => ({ '/c/fullchain.pem': key(good) }),
      '/c/fullchain.pem is not a certificate'
    ],
    [
      'not a key',
      () => ({ '/c/privkey.pem': { certificates: '', publicKey: 'broken' } }),
      '/c/privkey.pem is not a key'
    ],
    [
      'the key of another',
      () => ({ '/c/privkey.pem': key(other) }),
      'the key /c/privkey.pem does not match the certificate /c/fullchain.pem'
    ],
    [
      'the certificate of another',
      () => ({ '/c/fullchain.pem': certificate(other), '/c/privkey.pem': key(other) }),
      "the certificate /c/fullchain.pem does not cover server_name a.example: it is for 'b.example'"
    ]
  ])('%s cannot serve', (_name, files, problem) => {
    expect(lookAt(files())).toMatchObject({ verdict: 'unusable', problem })
  })

  test('what may not be read is not judged', () => {
    expect(lookAt({ '/c/fullchain.pem': 'unreadable' })).toMatchObject({
      verdict: 'unseen',
      problem:
        'the certificate /c/fullchain.pem may not be read, and no proxy runs that could read it'
    })
  })

  test('an expired one goes on serving, and is told', () => {
    const later = new Date(Date.now() + 90 * 86_400_000)
    const seen = lookAt({}, ['a.example'], later)
    expect(seen.verdict).toBe('expired')
    expect(lifeWarning(seen, later)).toMatch(
      /^certificate of a\.example expired on \d{4}-\d\d-\d\d: run the setup-ssl action$/
    )
  })

  test('one that should have been renewed is told, a fresh one is not', () => {
    expect(lifeWarning(lookAt({}), new Date())).toBeUndefined()
    const late = new Date(Date.now() + 70 * 86_400_000)
    expect(lifeWarning(lookAt({}, ['a.example'], late), late)).toMatch(
      /^certificate of a\.example ends on \S+, less than a third of its life is left/
    )
  })
})
