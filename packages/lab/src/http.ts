import { request } from 'node:http'

/** What a site answered: its status, or 0 when it did not answer. */
export interface Answer {
  status: number
  body: string
}

const TIMEOUT_MS = 10_000

/** Asks a site for a page under a Host of one's choice, which `fetch` does not allow. */
export function ask(url: string, host?: string): Promise<Answer> {
  return new Promise(resolve => {
    const headers = host === undefined ? {} : { host }
    const asked = request(url, { headers, timeout: TIMEOUT_MS }, response => {
      let body = ''
      response.setEncoding('utf8').on('data', text => {
        body += text
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    })
    asked.on('timeout', () => asked.destroy())
    asked.on('error', () => resolve({ status: 0, body: '' }))
    asked.end()
  })
}
