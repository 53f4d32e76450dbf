import { caaForbids, lookUp } from '@diveops/core/tls/dns'
import { afterEach, describe, expect, test } from '@jest/globals'
import { caa, NameServer, type Said } from '../harness/nameserver.ts'

const servers: NameServer[] = []
afterEach(() => Promise.all(servers.splice(0).map(server => server.close())))

async function look(zone: Record<string, Said>, name = 'www.x.mx') {
  const server = new NameServer(zone)
  servers.push(server)
  const records = await lookUp(name, {
    servers: [await server.listen()],
    timeoutMs: 200,
    tries: 1
  })
  return { ...records, asked: server.asked }
}

describe('addresses', () => {
  test('of both families, sorted', async () => {
    const { a, aaaa } = await look({
      'www.x.mx A': [{ address: '203.0.113.9' }, { address: '203.0.113.7' }],
      'www.x.mx AAAA': [{ address: '2001:db8:0:0:0:0:0:7' }]
    })
    expect(a).toEqual({ addresses: ['203.0.113.7', '203.0.113.9'] })
    expect(aaaa).toEqual({ addresses: ['2001:db8::7'] })
  })

  test('none: no such name, and a name without addresses', async () => {
    expect(await look({})).toMatchObject({ a: { addresses: [] }, aaaa: { addresses: [] } })
    expect(await look({ 'www.x.mx TXT': [] })).toMatchObject({
      a: { addresses: [] },
      aaaa: { addresses: [] }
    })
  })

  test.each([
    ['SERVFAIL', 'ESERVFAIL'],
    ['REFUSED', 'EREFUSED'],
    ['silence', 'ETIMEOUT']
  ] as const)('%s is a failure of that family alone', async (said, code) => {
    const { a, aaaa } = await look({
      'www.x.mx A': [{ address: '203.0.113.7' }],
      'www.x.mx AAAA': said
    })
    expect(a).toEqual({ addresses: ['203.0.113.7'] })
    expect(aaaa).toEqual({ error: code })
  })

  test('no name server at all', async () => {
    const { a, caa } = await lookUp('x.mx', { servers: ['127.0.0.1:9'], timeoutMs: 200, tries: 1 })
    expect(a).toEqual({ error: expect.stringMatching(/^E(CONNREFUSED|TIMEOUT)$/) })
    expect(caa).toHaveProperty('error')
  })
})

describe('CAA', () => {
  const LE = ['letsencrypt.org']

  async function verdict(zone: Record<string, Said>, name = 'www.x.mx', identities = LE) {
    const { caa, asked } = await look(zone, name)
    const questions = asked.filter(line => line.endsWith(' CAA'))
    return { forbids: caaForbids(name, caa, identities), questions }
  }

  test('none up to the registered domain, and not above it', async () => {
    const { forbids, questions } = await verdict(
      { 'com.mx CAA': [caa('issue', ';')] },
      'a.b.x.com.mx'
    )
    expect(forbids).toBeUndefined()
    expect(questions).toEqual(['a.b.x.com.mx CAA', 'b.x.com.mx CAA', 'x.com.mx CAA'])
  })

  test('the first set that is not empty decides', async () => {
    const { forbids, questions } = await verdict({
      'www.x.mx CAA': [caa('issue', 'letsencrypt.org')],
      'x.mx CAA': [caa('issue', 'digicert.com')]
    })
    expect(forbids).toBeUndefined()
    expect(questions).toEqual(['www.x.mx CAA'])
  })

  test.each<[string, Said, RegExp | undefined]>([
    [
      'another authority',
      [caa('issue', 'digicert.com')],
      /^CAA records of x\.mx allow digicert\.com, not letsencrypt\.org$/
    ],
    [
      'ours among others',
      [caa('issue', 'digicert.com'), caa('issue', 'letsencrypt.org')],
      undefined
    ],
    [
      'capitals and blanks',
      [caa('issue', '  LetsEncrypt.org ; accounturi=https://a/1')],
      undefined
    ],
    ['a tag in capitals', [caa('ISSUE', 'digicert.com')], /allow digicert\.com/],
    ['nobody', [caa('issue', ';')], /allow nobody, not letsencrypt\.org$/],
    ['nobody, written as nothing, which Node cannot read', [caa('issue', '')], /\(EBADRESP\)/],
    ['only wildcards are ruled', [caa('issuewild', ';')], undefined],
    ['only a mail address', [caa('iodef', 'mailto:ops@x.mx')], undefined],
    [
      'by DNS alone',
      [caa('issue', 'letsencrypt.org; validationmethods=dns-01')],
      /only by dns-01, not by http-01$/
    ],
    ['by HTTP, too', [caa('issue', 'letsencrypt.org;validationmethods=dns-01,http-01')], undefined],
    [
      'by HTTP in another record',
      [caa('issue', 'letsencrypt.org;validationmethods=dns-01'), caa('issue', 'letsencrypt.org')],
      undefined
    ],
    [
      'a critical tag nobody knows',
      [caa('future', 'x', 128), caa('issue', 'letsencrypt.org')],
      /critical tag future/
    ],
    [
      'a critical tag everybody knows',
      [caa('issue', 'letsencrypt.org', 128), caa('iodef', 'mailto:a@x.mx', 128)],
      undefined
    ],
    ['an unknown tag', [caa('future', 'x')], undefined],
    [
      'a failing name server',
      'SERVFAIL',
      /cannot be had \(ESERVFAIL\), and then no authority issues$/
    ],
    ['a silent name server', 'silence', /cannot be had \(ETIMEOUT\)/]
  ])('%s', async (_, said, expected) => {
    const { forbids } = await verdict({ 'x.mx CAA': said })
    if (expected === undefined) expect(forbids).toBeUndefined()
    else expect(forbids?.found).toMatch(expected)
  })

  test('through an alias', async () => {
    const { forbids } = await verdict({
      'www.x.mx CAA': [{ domain: 'elsewhere.net' }],
      'x.mx CAA': [caa('issue', ';')]
    })
    expect(forbids?.found).toContain('of x.mx allow nobody')
  })

  test('what to add is said', async () => {
    const { forbids } = await verdict({ 'x.mx CAA': [caa('issue', ';')] })
    expect(forbids?.todo).toBe('add the record: x.mx CAA 0 issue "letsencrypt.org"')
  })

  test('other authorities have other names, and some none that is known', async () => {
    const zone = { 'x.mx CAA': [caa('issue', 'pki.example')] }
    expect((await verdict(zone, 'x.mx', ['ca.example', 'pki.example'])).forbids).toBeUndefined()
    expect((await verdict(zone, 'x.mx', ['ca.example'])).forbids?.found).toContain('not ca.example')
    expect((await verdict(zone, 'x.mx', [])).forbids).toBeUndefined()
  })
})
