import https from 'node:https'
import type { TLSSocket } from 'node:tls'
import { connection } from '@diveops/lab'

/** What a visitor gets over HTTPS. */
export interface Visit {
  body: string
  /** Why a browser would warn; undefined when it trusts the site. */
  distrust: string | undefined
}

/** Asks the server's port 443 under a name, trusting one authority; what went wrong is the body. */
export async function visitSecurely(name: string, authority: string): Promise<Visit> {
  const { port } = new URL((await connection()).LAB_HTTPS)
  return new Promise(resolve => {
    const asked = https.request({
      host: '127.0.0.1',
      port,
      servername: name,
      headers: { Host: name },
      ca: authority,
      rejectUnauthorized: false,
      agent: false
    })
    asked.on('response', answer => {
      const { authorized, authorizationError } = answer.socket as TLSSocket
      const distrust = authorized ? undefined : String(authorizationError)
      let body = ''
      answer.setEncoding('utf8').on('data', (text: string) => {
        body += text
      })
      answer.on('end', () => resolve({ body: body.trim(), distrust }))
    })
    asked.on('error', error =>
      resolve({ body: `no answer: ${error.message}`, distrust: undefined })
    )
    asked.end()
  })
}
