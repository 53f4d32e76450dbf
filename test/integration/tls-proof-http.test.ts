import http from 'node:http'
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { HEADERS, NAME, SecureSite, send } from '../harness/securesite.ts'
import { Servers } from '../harness/servers.ts'

const servers = new Servers()
let site: SecureSite
beforeAll(async () => {
  site = await SecureSite.make(servers)
})
afterEach(() => servers.close())

describe('HTTPS', () => {
  test('missing headers are warned of', async () => {
    const { problems, warnings } = await site.proof({
      https: send(200, { 'X-Frame-Options': 'DENY', 'referrer-policy': 'same-origin' })
    })
    expect(problems).toEqual([])
    expect(warnings).toEqual([
      'no header X-Content-Type-Options, X-XSS-Protection, Strict-Transport-Security'
    ])
  })

  test.each<[string, number, string | undefined, string[], string[]]>([
    ['to a language, as Django does', 302, '/en/', [], []],
    ['not found', 404, undefined, [], []],
    ['a broken app', 502, undefined, ['https://www.x.mx/ answers 502'], []],
    [
      'back to HTTP',
      301,
      `http://${NAME}/`,
      ['https://www.x.mx/ leads back to http://www.x.mx/'],
      []
    ],
    [
      'on to another name',
      301,
      'https://x.mx/',
      [],
      ['https://www.x.mx/ leads on to https://x.mx/']
    ]
  ])('%s', async (_, status, location, problems, warnings) => {
    const headers = { ...HEADERS, ...(location && { Location: location }) }
    const proof = await site.proof({ https: send(status, headers) })
    expect(proof).toMatchObject({ problems, warnings })
  })
})

describe('HTTP', () => {
  test.each([301, 302, 307, 308])('a %s to HTTPS is one hop', async status => {
    const ports = await site.serve()
    const server = http.createServer(
      send(status, { Location: `https://${NAME}:${ports.https}/en/` })
    )
    const proof = await site.proof({}, { ports: { ...ports, http: await servers.listen(server) } })
    expect(proof).toMatchObject({ problems: [], warnings: [] })
  })

  test.each<[string, number, string | undefined]>([
    ['a page', 200, undefined],
    ['a status that is no lasting redirect', 303, `https://${NAME}/`],
    ['a redirect to itself', 301, '/en/'],
    ['a redirect to nowhere', 301, undefined]
  ])('%s does not lead to HTTPS', async (_, status, location) => {
    const { problems } = await site.proof({
      http: send(status, location ? { Location: location } : {})
    })
    expect(problems).toEqual([
      `http://www.x.mx/ answers ${status} and does not lead to HTTPS, expected one redirect (301) to https://www.x.mx/`
    ])
  })

  test.each([
    ['https://x.mx/', 'https://x.mx/'],
    ['http://x.mx/', 'http://x.mx/'],
    [`https://${NAME}:8443/`, 'https://www.x.mx:8443/']
  ])('a redirect to %s is warned of', async (Location, told) => {
    const { problems, warnings } = await site.proof({ http: send(301, { Location }) })
    expect(problems).toEqual([])
    expect(warnings).toEqual([`http://www.x.mx/ leads to ${told}, not to https://www.x.mx/`])
  })

  test('HSTS over HTTP is warned of', async () => {
    const ports = await site.serve()
    const server = http.createServer(
      send(301, {
        Location: `https://${NAME}:${ports.https}/`,
        'Strict-Transport-Security': 'max-age=300'
      })
    )
    const proof = await site.proof({}, { ports: { ...ports, http: await servers.listen(server) } })
    expect(proof.warnings).toEqual([
      'Strict-Transport-Security is sent over HTTP, too, where browsers ignore it'
    ])
  })

  test('no answer', async () => {
    const { https } = await site.serve()
    const closed = await servers.closedPort()
    const { problems } = await site.proof({}, { ports: { http: closed, https } })
    expect(problems).toEqual([
      `http://www.x.mx/ does not answer: connection refused by 127.0.0.1:${closed}`
    ])
  })
})
