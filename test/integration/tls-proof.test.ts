import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import tls from 'node:tls'
import { trust } from '@diveops/core/health/connect'
import { proveName } from '@diveops/core/tls/proof'
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { bundle, makeAuthority, makeSelfSigned } from '../harness/certificates.ts'
import { HEADERS, NAME, SecureSite, send } from '../harness/securesite.ts'
import { Servers } from '../harness/servers.ts'

const servers = new Servers()
let site: SecureSite
beforeAll(async () => {
  site = await SecureSite.make(servers)
})
afterEach(() => servers.close())

describe('certificate and chain', () => {
  test('as it should be', async () => {
    const proof = await site.proof()
    expect(proof).toMatchObject({ name: NAME, problems: [], warnings: [] })
    expect(proof.serial).toMatch(/^[1-9a-f][\da-f]*$/)
    expect(proof.notAfter.getTime()).toBeGreaterThan(Date.now() + 79 * 86_400_000)
  })

  test('over TLS 1.2, too', async () => {
    const server = https.createServer(
      { cert: site.full, key: site.pair.key, maxVersion: 'TLSv1.2' },
      send(200, HEADERS)
    )
    const port = await servers.listen(server)
    const { http } = await site.serve()
    expect((await site.proof({}, { ports: { http, https: port } })).problems).toEqual([])
  })

  test('the intermediate left out, also when this machine knows it', async () => {
    const knowing = trust([site.root.cert, site.middle.cert])
    const { problems, warnings } = await site.proof({ chain: site.pair.cert }, { trust: knowing })
    expect(problems).toEqual([
      'www.x.mx at 127.0.0.1 sends 1 of the 2 certificates in fullchain.pem: name fullchain.pem, not cert.pem, as ssl_certificate'
    ])
    expect(warnings).toEqual([])
  })

  test('the intermediate left out, and not known here', async () => {
    const { problems, warnings } = await site.proof({ chain: site.pair.cert })
    expect(problems).toHaveLength(1)
    expect(warnings).toEqual([
      "this machine does not accept the certificate: TLS: unknown issuer 'Lab Intermediate', or the server does not send its intermediate certificate"
    ])
  })

  test('another certificate in place of the intermediate', async () => {
    const stranger = await makeAuthority('Stranger')
    const { problems } = await site.proof({ chain: bundle(site.pair, stranger) })
    expect(problems[0]).toContain('sends 1 of the 2 certificates')
  })

  test('an intermediate of the same name and another key', async () => {
    const twin = await site.root.intermediate('Lab Intermediate')
    const { problems } = await site.proof({ chain: bundle(site.pair, twin) })
    expect(problems).toEqual([
      'www.x.mx at 127.0.0.1 sends a broken chain: certificate 2 has not signed certificate 1'
    ])
  })

  test('more than fullchain.pem holds', async () => {
    const { problems, warnings } = await site.proof({
      chain: bundle(site.pair, site.middle, site.root)
    })
    expect(problems).toEqual([])
    expect(warnings).toEqual(['3 certificates are sent, fullchain.pem holds 2'])
  })

  test('the certificate before the renewal', async () => {
    const renewed = await site.middle.issue({ names: ['x.mx', NAME] })
    const proof = await site.proof({}, { fullchain: bundle(renewed, site.middle) })
    expect(proof.problems).toHaveLength(1)
    const [, served, disk] = /serves certificate (\w+), on disk is (\w+):/.exec(
      proof.problems[0] as string
    ) as RegExpExecArray
    expect(proof.serial).toBe(served)
    expect(disk).not.toBe(served)
  })

  test('a name that it is not for', async () => {
    const bare = await site.middle.issue({ names: ['x.mx'] })
    const chain = bundle(bare, site.middle)
    const { problems } = await site.proof({ chain, key: bare.key }, { fullchain: chain })
    expect(problems).toEqual([
      'www.x.mx at 127.0.0.1 serves a certificate for x.mx, not for www.x.mx'
    ])
  })

  test('one that this machine does not accept is a note', async () => {
    const own = await makeSelfSigned({ names: [NAME] })
    const { problems, warnings } = await site.proof(
      { chain: own.cert, key: own.key },
      { fullchain: own.cert }
    )
    expect(problems).toEqual([])
    expect(warnings).toEqual([
      'this machine does not accept the certificate: TLS: the certificate is self-signed'
    ])
  })

  test('an expired one is a note with its date', async () => {
    const old = await site.middle.issue({ names: [NAME], fromDays: -90, toDays: -3 })
    const chain = bundle(old, site.middle)
    const { problems, warnings } = await site.proof({ chain, key: old.key }, { fullchain: chain })
    expect(problems).toEqual([])
    expect(warnings[0]).toMatch(/the certificate expired on \d{4}-\d\d-\d\d$/)
  })

  test('no certificate on disk', async () => {
    await expect(site.proof({}, { fullchain: '' })).rejects.toThrow(
      'the server has no certificate for www.x.mx that can be read'
    )
  })
})

describe('no HTTPS', () => {
  test.each<[string, () => Promise<number>, RegExp]>([
    ['refused', () => servers.closedPort(), /^connection refused by 127\.0\.0\.1:\d+$/],
    [
      'plain HTTP on its port',
      () => servers.listen(http.createServer(send(200))),
      /^TLS: no handshake with/
    ],
    [
      'a server that does not know the name',
      () =>
        servers.listen(
          tls.createServer({ SNICallback: (_, done) => done(new Error('unknown name')) })
        ),
      /127\.0\.0\.1:\d+/
    ]
  ])('%s', async (_, listen, expected) => {
    const { http } = await site.serve()
    const proof = await site.proof({}, { ports: { http, https: await listen() } })
    const problem = proof.problems.find(text => text.includes('over HTTPS'))
    expect(problem).toMatch(/^www\.x\.mx does not answer over HTTPS: /)
    expect(problem?.slice('www.x.mx does not answer over HTTPS: '.length)).toMatch(expected)
    expect(proof.notAfter.getTime()).toBeGreaterThan(Date.now())
  })

  test('a server that says nothing', async () => {
    const ports = await site.serve()
    const https = await servers.listen(net.createServer())
    const { problems } = await site.proof({}, { ports: { ...ports, https }, timeoutMs: 300 })
    expect(problems[0]).toBe(
      `www.x.mx does not answer over HTTPS: no connection to 127.0.0.1:${https} within 300 ms`
    )
  })

  test('a handshake, but no answer', async () => {
    const { problems } = await site.proof({ https: request => request.socket.destroy() })
    expect(problems).toEqual([
      expect.stringMatching(/^https:\/\/www\.x\.mx\/ does not answer: .* closed the connection/)
    ])
  })
})

describe('every address of a name', () => {
  const none = { addresses: [] }
  const what = () => ({ name: NAME, fullchain: site.full, trust: site.believed, timeoutMs: 10_000 })

  test('one of two serves an old certificate', async () => {
    const ports = await site.serve()
    const old = await site.middle.issue({ names: [NAME] })
    await site.serve({ chain: bundle(old, site.middle), key: old.key, address: '127.0.0.2', ports })
    const records = { a: { addresses: ['127.0.0.1', '127.0.0.2'] }, aaaa: none }
    const proofs = await proveName(records, { ...what(), ports })
    expect(proofs.map(({ problems }) => problems.length)).toEqual([0, 1])
    expect(proofs[1]?.problems[0]).toMatch(/^www\.x\.mx at 127\.0\.0\.2 serves certificate/)
  })

  test('IPv6 is asked by a machine that has it', async () => {
    const ports = await site.serve({ address: '::1' })
    const records = { a: none, aaaa: { addresses: ['::1'] } }
    const [proof] = await proveName(records, { ...what(), ports }, true)
    expect(proof).toMatchObject({ problems: [], warnings: [] })
    const [without] = await proveName(records, { ...what(), ports }, false)
    expect(without?.problems).toEqual([
      'this machine finds no address of www.x.mx to prove HTTPS at: DNS has none that it can reach'
    ])
  })

  test('a name that DNS fails for is not proven', async () => {
    const [proof] = await proveName({ a: { error: 'ESERVFAIL' }, aaaa: none }, what())
    expect(proof?.problems).toEqual([
      'this machine finds no address of www.x.mx to prove HTTPS at: DNS fails with ESERVFAIL'
    ])
  })
})
