import http from 'node:http'
import https from 'node:https'
import { connection, SERVER_USER, vpsExec } from '@diveops/lab'

/** The names of the example: an English and a Spanish domain. */
export const NAMES = [
  'happydiving.mx',
  'www.happydiving.mx',
  'buceofeliz.com',
  'www.buceofeliz.com'
] as const

/** What a visitor got. */
export interface Page {
  status: number
  headers: http.IncomingHttpHeaders
  body: string
}

/** Asks the lab's server under a name over HTTP, or over HTTPS believing only the authority `root`. */
export async function visit(name: string, path: string, root?: string): Promise<Page> {
  const { LAB_HTTP, LAB_HTTPS } = await connection()
  const options = { headers: { host: name }, agent: false as const, timeout: 15_000 }
  return new Promise((resolve, reject) => {
    const asked =
      root === undefined
        ? http.request(`${LAB_HTTP}${path}`, options)
        : https.request(`${LAB_HTTPS}${path}`, { ...options, servername: name, ca: root })
    asked.on('response', answer => {
      let body = ''
      answer.setEncoding('utf8').on('data', (text: string) => {
        body += text
      })
      answer.on('error', reject)
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body })
      )
    })
    asked.on('timeout', () => asked.destroy(new Error('no answer in time')))
    asked.on('error', reject)
    asked.end()
  })
}

/** A command as an operator types it on the server, in the app's folder. */
export async function tryOperator(command: string): Promise<{ code: number; output: string }> {
  const options = { user: SERVER_USER }
  const { code, stdout, stderr } = await vpsExec(`cd /opt/diveops && ${command}`, options)
  return { code, output: stdout + stderr }
}

/** A command as an operator types it on the server, in the app's folder; it must succeed. */
export async function operator(command: string): Promise<string> {
  const { code, output } = await tryOperator(command)
  if (code !== 0) throw new Error(`'${command}' ended with code ${code}: ${output}`)
  return output
}

/** Which containers run on the server, and since when. */
export function running(): Promise<string> {
  return operator(
    `docker ps -q | sort | xargs docker inspect -f '{{.Name}} {{.Id}} {{.State.StartedAt}}'`
  )
}

/** Serial of the certificate on the server's disk, in lower case without leading zeros. */
export async function serialOnDisk(name: string): Promise<string> {
  const said = await operator(`openssl x509 -noout -serial -in certs/live/${name}/cert.pem`)
  return said
    .trim()
    .replace(/^serial=0*/, '')
    .toLowerCase()
}

/** Asks again and again, for a minute and a half, until something is so. */
export async function until(what: string, probe: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 360; tries++) {
    if (await probe().catch(() => false)) return
    await new Promise(resolve => setTimeout(resolve, 250))
  }
  throw new Error(`still not so: ${what}`)
}
