import { type ClientHttp2Session, connect, constants } from 'node:http2'

/** A site's address over TLS, by a name that its certificate has. */
export interface SecureSite {
  url: string
  name: string
  ca: string
}

/** What came of a request; `refused` is what a server says that it has not begun with it. */
export type Http2Answer = { status: number; body: string } | { refused: true } | { error: string }

/** A visitor with HTTP/2: one connection for all requests, another when the server says goodbye. */
export class Http2Visitor {
  readonly #site: SecureSite
  #session: ClientHttp2Session | undefined

  constructor(site: SecureSite) {
    this.#site = site
  }

  ask(
    method: string,
    path: string,
    body: string | undefined,
    timeoutMs: number
  ): Promise<Http2Answer> {
    const { name } = this.#site
    return new Promise(resolve => {
      const stream = this.#connected().request({
        ':method': method,
        ':path': path,
        ':authority': name
      })
      let status = 0
      let text = ''
      stream.on('response', headers => {
        status = Number(headers[':status'])
      })
      stream.setEncoding('utf8').on('data', (piece: string) => {
        text += piece
      })
      stream.setTimeout(timeoutMs, () => stream.destroy(new Error('no answer in time')))
      let failure: string | undefined
      stream.on('error', error => {
        failure = error.message
      })
      stream.on('close', () => {
        if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) resolve({ refused: true })
        else if (failure !== undefined) resolve({ error: failure })
        else if (status === 0) resolve({ error: 'the stream ended without an answer' })
        else resolve({ status, body: text })
      })
      stream.end(body)
    })
  }

  close(): void {
    this.#session?.close()
  }

  #connected(): ClientHttp2Session {
    const { url, name, ca } = this.#site
    if (this.#session && !this.#session.closed && !this.#session.destroyed) return this.#session
    const session = connect(url, { servername: name, ca })
    // What happens to a connection is seen by the requests on it.
    session.on('error', () => {})
    this.#session = session
    return session
  }
}
