import { lineages, parseDomains, parseEmail } from '@diveops/core/tls/lineages'
import { describe, expect, test } from '@jest/globals'

const CONFIGURED = [
  ['happydiving.mx', 'www.happydiving.mx'],
  ['buceofeliz.com', 'www.buceofeliz.com']
]
const [HAPPY, BUCEO] = CONFIGURED as [string[], string[]]

describe('lineages', () => {
  test.each([
    ['all that are configured', [], [HAPPY, BUCEO]],
    ['one list', ['happydiving.mx', 'www.happydiving.mx'], [HAPPY]],
    [
      'the order asked for',
      ['www.buceofeliz.com', 'happydiving.mx', 'buceofeliz.com'],
      [['www.buceofeliz.com', 'buceofeliz.com'], ['happydiving.mx']]
    ],
    ['duplicates and capitals', ['HappyDiving.mx', 'happydiving.mx'], [['happydiving.mx']]],
    ['only the apex', ['happydiving.mx'], [['happydiving.mx']]],
    [
      'strangers by registered domain',
      ['a.x.com.mx', 'b.c.x.com.mx', 'y.com.mx'],
      [['a.x.com.mx', 'b.c.x.com.mx'], ['y.com.mx']]
    ],
    [
      'a stranger of a configured domain',
      ['blog.happydiving.mx', 'happydiving.mx'],
      [['blog.happydiving.mx'], ['happydiving.mx']]
    ]
  ])('%s', (_, asked, expected) => {
    expect(lineages(asked, CONFIGURED).map(({ names }) => names)).toEqual(expected)
  })

  test('a certificate is named after the first of its list, also when that is left out', () => {
    expect(lineages(['www.happydiving.mx'], CONFIGURED)).toEqual([
      { name: 'happydiving.mx', names: ['www.happydiving.mx'] }
    ])
  })

  test('names of no list are named after their domain, unless a list has that name', () => {
    const names = lineages(['a.x.com.mx', 'blog.happydiving.mx', 'box'], CONFIGURED)
    expect(names.map(({ name }) => name)).toEqual(['x.com.mx', 'blog.happydiving.mx', 'box'])
  })

  test('capitals in the configuration, a name in two lists, and nothing at all', () => {
    expect(lineages([], [['X.mx', 'www.X.mx']])).toEqual([
      { name: 'x.mx', names: ['x.mx', 'www.x.mx'] }
    ])
    expect(lineages([], [['x.mx'], ['y.mx', 'x.mx']])).toEqual([
      { name: 'x.mx', names: ['x.mx'] },
      { name: 'y.mx', names: ['y.mx'] }
    ])
    expect(lineages([], [])).toEqual([])
  })
})

describe('parseDomains', () => {
  test.each([
    ['', []],
    [' \n ', []],
    ['x.mx www.x.mx', ['x.mx', 'www.x.mx']],
    ['x.mx,\n  WWW.x.mx ,x.MX.', ['x.mx', 'www.x.mx']],
    ['buceo-mañana.mx', ['xn--buceo-maana-8db.mx']],
    ['xn--buceo-maana-8db.mx', ['xn--buceo-maana-8db.mx']],
    ['a.test', ['a.test']]
  ])('%j', (text, expected) => expect(parseDomains(text)).toEqual(expected))

  test.each([
    ['https://x.mx/', 'a domain name without scheme, port or path, such as x.mx'],
    ['x.mx/path', 'a domain name without scheme, port or path, such as x.mx'],
    ['x.mx:443', 'a domain name without scheme, port or path, such as x.mx'],
    ['*.x.mx', 'names without a wildcard, which a challenge over HTTP cannot prove, such as x.mx'],
    ['203.0.113.7', 'a domain name, not an address, such as example.com'],
    ['2001:db8::1', 'a domain name, not an address, such as example.com'],
    ['[::1]', 'a domain name, not an address, such as example.com'],
    ['127.1', 'a domain name, not an address, such as example.com'],
    ['localhost', 'a full domain name with its ending, such as example.com'],
    ['com.mx', 'a domain below it, such as example.com.mx: nobody gets certificates for an ending'],
    ['a..mx', 'a domain name, such as example.com'],
    ['-a.mx', 'a domain name, such as example.com'],
    ['a_b.mx', 'a domain name, such as example.com'],
    ['ops@x.mx', 'a domain name, such as example.com'],
    [`${'a'.repeat(64)}.mx`, 'a domain name, such as example.com'],
    [',', 'names such as example.com']
  ])('%s', (word, expected) => {
    expect(() => parseDomains(word)).toThrow(`input 'domains': got '${word}', expected ${expected}`)
  })

  test('each bad word has its line', () => {
    expect.assertions(1)
    try {
      parseDomains('x.mx localhost *.y.mx')
    } catch (error) {
      expect(error).toMatchObject({
        name: 'UserError',
        message: expect.stringMatching(/^input 'domains': got 'localhost'/),
        details: [expect.stringMatching(/^input 'domains': got '\*\.y\.mx'/)]
      })
    }
  })
})

describe('parseEmail', () => {
  test('an address', () => expect(parseEmail(' ops@x.mx ')).toBe('ops@x.mx'))

  test.each(['', 'ops', 'ops@', 'ops@x', 'a b@x.mx', 'Ops <ops@x.mx>'])('%j', text => {
    expect(() => parseEmail(text)).toThrow(
      `input 'email': got '${text}', expected an address such as ops@example.com`
    )
  })
})
