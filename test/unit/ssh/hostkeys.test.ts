import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import {
  algorithmsFor,
  changedHostKey,
  judge,
  knownHostsLine,
  pinsFor,
  unknownHostKey
} from '../../../packages/core/src/ssh/hostkeys.ts'
import { parseKnownHosts, readKnownHosts } from '../../../packages/core/src/ssh/knownhosts.ts'
import { fingerprint } from '../../../packages/core/src/ssh/openssh.ts'

const dir = mkdtempSync(path.join(tmpdir(), 'diveops-hostkeys-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const open = {} as Record<'a' | 'b' | 'rsa', string>
const wire = (name: keyof typeof open) => Buffer.from(open[name].split(' ')[1] as string, 'base64')
beforeAll(() => {
  for (const [name, type] of [
    ['a', 'ed25519'],
    ['b', 'ed25519'],
    ['rsa', 'rsa']
  ] as const) {
    const file = path.join(dir, name)
    execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', '', '-f', file])
    open[name] = readFileSync(`${file}.pub`, 'utf8').trim()
  }
})

const verdict = (text: string, host = 'example.com', port = 22, name: keyof typeof open = 'a') =>
  judge(pinsFor(parseKnownHosts(text), host, port), wire(name))

describe('which lines are for a host', () => {
  const lines: [string, string, number, boolean][] = [
    ['example.com', 'example.com', 22, true],
    ['example.com', 'Example.COM', 22, true],
    ['other.com,example.com,203.0.113.7', 'example.com', 22, true],
    ['other.com', 'example.com', 22, false],
    ['[example.com]:2222', 'example.com', 2222, true],
    ['[example.com]:2222', 'example.com', 22, false],
    ['[example.com]:22', 'example.com', 22, true],
    // As ssh does: a line without a port serves any port, unless that port has its own.
    ['example.com', 'example.com', 2222, true],
    ['*.example.com', 'web.example.com', 22, true],
    ['*.example.com', 'example.com', 22, false],
    ['web?.example.com', 'web1.example.com', 22, true],
    ['*.example.com,!web.example.com', 'web.example.com', 22, false],
    ['[*.example.com]:2222', 'web.example.com', 2222, true],
    ['2001:db8::1', '2001:db8::1', 22, true],
    ['example+com', 'exampleecom', 22, false]
  ]
  test.each(lines)('%s for %s port %d: %s', (names, host, port, expected) => {
    expect(verdict(`${names} ${open.a}`, host, port)).toBe(expected ? 'pinned' : 'unknown')
  })

  test('hashed names, as ssh-keygen -H makes them', () => {
    const file = path.join(dir, 'known_hosts')
    writeFileSync(file, `example.com ${open.a}\n[example.com]:2222 ${open.b}\n`)
    execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'pipe' })
    const text = readFileSync(file, 'utf8')
    expect(text).toMatch(/^\|1\|/)
    expect(verdict(text)).toBe('pinned')
    expect(verdict(text, 'example.com', 2222, 'b')).toBe('pinned')
    expect(verdict(text, 'example.com', 2222, 'a')).toBe('changed')
    expect(verdict(text, 'other.com')).toBe('unknown')
  })

  test('a port of its own wins over the line for any port', () => {
    const text = `example.com ${open.a}\n[example.com]:2222 ${open.b}`
    expect(verdict(text, 'example.com', 2222, 'b')).toBe('pinned')
    expect(verdict(text, 'example.com', 2222, 'a')).toBe('changed')
  })
})

describe('what may stand in the input', () => {
  test('a key without a host, with a comment, with a Windows line end and a byte order mark', () => {
    expect(verdict(`\uFEFF# comes first\r\n\r\n${open.a} root@server\r\n`)).toBe('pinned')
    expect(verdict(`${open.a}\\nother.com ${open.b}\\n`)).toBe('pinned')
  })

  test('fingerprints, alone or as ssh-keygen prints them', () => {
    const print = fingerprint(wire('a'))
    expect(
      execFileSync('ssh-keygen', ['-lf', path.join(dir, 'a.pub')], { encoding: 'utf8' })
    ).toMatch(print)
    expect(verdict(print)).toBe('pinned')
    expect(verdict(`256 ${print} root@server (ED25519)`)).toBe('pinned')
    expect(verdict(print, 'example.com', 22, 'b')).toBe('changed')
  })

  test('a file, and the lack of one', async () => {
    const file = path.join(dir, 'pins')
    writeFileSync(file, `example.com ${open.a}\n`)
    expect(verdict(await readKnownHosts(` ${file}\n`))).toBe('pinned')
    expect(await readKnownHosts(undefined)).toBe('')
    await expect(readKnownHosts('/does/not/exist')).rejects.toThrow(
      /'known-hosts': got '\/does\/not\/exist', expected known_hosts lines or a file with them \(ENOENT\)/
    )
  })

  test('revoked keys and authorities', () => {
    expect(verdict(`@revoked * ${open.a}\nexample.com ${open.a}`)).toBe('revoked')
    expect(verdict(`@revoked * ${open.b}\nexample.com ${open.a}`)).toBe('pinned')
    const pins = pinsFor(parseKnownHosts(`@cert-authority *.com ${open.a}`), 'example.com', 22)
    expect(judge(pins, wire('a'))).toBe('unknown')
    expect(unknownHostKey(pins, wire('a')).message).toMatch(
      /@cert-authority, which is not supported/
    )
  })

  test.each([
    ['example.com ssh-ed25519 AAAAnotakey', /line 1 is a damaged key of type 'ssh-ed25519'/],
    ['# x\nexample.com', /line 2 is 'example.com', expected 'HOST ssh-ed25519 AAAA/],
    ['SHA256:short', /line 1 is a damaged fingerprint/],
    ['MD5:16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48', /an MD5 fingerprint/]
  ])('%j is refused', (text, message) => {
    expect(() => parseKnownHosts(text)).toThrow(message)
  })
})

describe('which kinds of key are asked for', () => {
  const asked = (text: string, seen?: string[]) =>
    algorithmsFor(pinsFor(parseKnownHosts(text), 'example.com', 22), seen)

  test('only the pinned ones, RSA never with SHA-1', () => {
    expect(asked(open.rsa)).toEqual(['rsa-sha2-512', 'rsa-sha2-256'])
    expect(asked(`${open.rsa}\n${open.a}`)).toEqual(['ssh-ed25519', 'rsa-sha2-512', 'rsa-sha2-256'])
  })

  test('all of them without a pin or for a fingerprint, less what was seen', () => {
    expect(asked('')[0]).toBe('ssh-ed25519')
    expect(asked('')).toHaveLength(6)
    expect(asked(fingerprint(wire('rsa')), ['ssh-ed25519'])[0]).toBe('ecdsa-sha2-nistp256')
  })
})

describe('messages', () => {
  test('no pin: the line to save is a pin for next time', () => {
    const pins = pinsFor(parseKnownHosts(`github.com ${open.b}`), 'example.com', 2222)
    const { message } = unknownHostKey(pins, wire('a'))
    expect(message).toMatch(/has other names only \('github.com'\)/)
    const line = knownHostsLine(pins, wire('a'))
    expect(message.endsWith(`: ${line}`)).toBe(true)
    expect(verdict(line, 'example.com', 2222)).toBe('pinned')
  })

  test('changed: both fingerprints and the two explanations', () => {
    const pins = pinsFor(parseKnownHosts(`example.com ${open.a}`), 'example.com', 22)
    const { message } = changedHostKey(pins, [wire('b')])
    expect(message).toContain(fingerprint(wire('a')))
    expect(message).toContain(fingerprint(wire('b')))
    expect(message).toMatch(/reinstalled, or somebody stands in between/)
    expect(message).toContain('ssh_host_ed25519_key.pub')
  })
})
