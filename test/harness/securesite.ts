import http from 'node:http'
import https from 'node:https'
import type { SecureContext } from 'node:tls'
import { trust } from '@diveops/core/health/connect'
import { type Proof, prove, type ToProve } from '@diveops/core/tls/proof'
import { type Authority, bundle, makeAuthority, type Pair } from './certificates.ts'
import type { Servers } from './servers.ts'

/** The name of the site. */
export const NAME = 'www.x.mx'

/** What a site on HTTPS should send. */
export const HEADERS = {
  'X-Frame-Options': 'DENY',
  'X-Content-Type-Options': 'nosniff',
  'X-XSS-Protection': '0',
  'Strict-Transport-Security': 'max-age=300',
  'Referrer-Policy': 'same-origin'
}

/** What is other than it should be. */
export interface Given {
  /** What the server sends, in this order. */
  chain?: string
  key?: string
  https?: http.RequestListener
  http?: http.RequestListener
  address?: string
  ports?: { http: number; https: number }
}

/** A site on HTTP and HTTPS, whose certificate comes from an intermediate authority. */
export class SecureSite {
  readonly root: Authority
  readonly middle: Authority
  readonly pair: Pair
  /** Its certificate and the intermediate one, as certbot writes them. */
  readonly full: string
  readonly believed: SecureContext
  readonly #servers: Servers

  static async make(servers: Servers): Promise<SecureSite> {
    const root = await makeAuthority()
    const middle = await root.intermediate('Lab Intermediate')
    const pair = await middle.issue({ names: ['x.mx', NAME], toDays: 80 })
    return new SecureSite(servers, root, middle, pair)
  }

  private constructor(servers: Servers, root: Authority, middle: Authority, pair: Pair) {
    this.#servers = servers
    this.root = root
    this.middle = middle
    this.pair = pair
    this.full = bundle(pair, middle)
    this.believed = trust([root.cert])
  }

  /** Serves it as it should be, but for what is given, and returns the ports. */
  async serve(given: Given = {}) {
    const { chain = this.full, key = this.pair.key, address } = given
    const secure = https.createServer(
      { cert: chain, key },
      given.https ?? ((_, response) => response.writeHead(200, HEADERS).end('ok'))
    )
    const ports = {
      http: 0,
      https: await this.#servers.listen(secure, address, given.ports?.https)
    }
    const plain = http.createServer(
      given.http ??
        ((request, response) => {
          const Location = `https://${NAME}:${ports.https}${request.url}`
          response.writeHead(301, { Location }).end()
        })
    )
    ports.http = await this.#servers.listen(plain, address, given.ports?.http)
    return ports
  }

  /** The proof of the site at 127.0.0.1. */
  async proof(given: Given = {}, what: Partial<ToProve> = {}): Promise<Proof> {
    return prove({
      name: NAME,
      address: '127.0.0.1',
      fullchain: this.full,
      ports: await this.serve(given),
      trust: this.believed,
      timeoutMs: 10_000,
      ...what
    })
  }
}

/** An answer without a body. */
export function send(status: number, headers: http.OutgoingHttpHeaders = {}): http.RequestListener {
  return (_, response) => response.writeHead(status, headers).end()
}
