import http from 'node:http'
import { formatDuration } from '../base/time.ts'
import { type Connection, connect, type Trust } from './connect.ts'
import { type Answer, releaseOf } from './expectation.ts'
import { addressFor, type Resolution } from './resolve.ts'
import { connectionTrouble, NoAnswer } from './trouble.ts'

/** No more of a body is kept or waited for. */
const BODY_LIMIT = 1024 * 1024

export interface AskOptions {
  resolutions?: readonly Resolution[]
  trust?: Trust | undefined
  /** For connecting and for answering, each. */
  timeoutMs: number
}

/**
 * Asks a URL once, over a connection of its own as a new visitor would, and follows no redirect.
 * Rejects with `NoAnswer` when no complete answer came.
 */
export async function ask(url: URL, options: AskOptions): Promise<Answer> {
  const started = performance.now()
  const connection = await connect(url, {
    address: addressFor(url, options.resolutions ?? []),
    trust: options.trust,
    timeoutMs: options.timeoutMs
  })
  try {
    const { status, headers, body } = await exchange(url, connection, options.timeoutMs)
    return {
      status,
      headers,
      body,
      release: releaseOf(headers, body),
      certDays: connection.certDays,
      certLife: connection.certLife,
      ms: performance.now() - started
    }
  } finally {
    connection.socket.destroy()
  }
}

/** A URL for logs: without the user and the password that it may contain. */
export function publicUrl(url: URL): string {
  return `${url.origin}${url.pathname}${url.search}`
}

function exchange(url: URL, { socket, where }: Connection, timeoutMs: number) {
  return new Promise<Pick<Answer, 'status' | 'headers' | 'body'>>((resolve, reject) => {
    const late = `${where} took the request but did not answer within ${formatDuration(timeoutMs)}`
    const timer = setTimeout(() => reject(new NoAnswer(late)), timeoutMs)
    const broken = (error: unknown) => reject(connectionTrouble(error, where))
    const request = http.request({
      method: 'GET',
      path: url.pathname + url.search,
      headers: requestHeaders(url),
      createConnection: () => socket
    })
    request.on('error', broken)
    request.on('close', () => clearTimeout(timer))
    request.on('response', response => {
      const pieces: Buffer[] = []
      let size = 0
      const finish = () => {
        const body = Buffer.concat(pieces).subarray(0, BODY_LIMIT).toString('utf8')
        resolve({ status: response.statusCode ?? 0, headers: flatten(response.headers), body })
      }
      response.on('data', (piece: Buffer) => {
        pieces.push(piece)
        size += piece.length
        if (size >= BODY_LIMIT) finish()
      })
      response.on('end', finish)
      response.on('error', broken)
    })
    request.end()
  })
}

function requestHeaders(url: URL): Record<string, string> {
  const credentials = [url.username, url.password].map(decodeURIComponent).join(':')
  return {
    Host: url.host,
    'User-Agent': 'diveops-healthcheck-wait',
    Accept: '*/*',
    'Cache-Control': 'no-cache',
    Connection: 'close',
    ...(credentials !== ':' && {
      Authorization: `Basic ${Buffer.from(credentials).toString('base64')}`
    })
  }
}

function flatten(headers: http.IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? '')
    ])
  )
}
