import { rm } from 'node:fs/promises'
import { request } from 'node:http'
import { act, assembleExample, connection, resetVps, SERVER_USER, up, vpsExec } from '@diveops/lab'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'

jest.setTimeout(900_000)

let folder = ''
let first: { code: number; output: string }

beforeAll(async () => {
  await up(() => {})
  await resetVps()
  folder = await assembleExample(['deploy.yml'])
  first = await act(folder, ['push'])
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A command of the operations guide, as an operator types it on the server. */
async function operator(command: string): Promise<string> {
  const { code, stdout, stderr } = await vpsExec(`cd /opt/diveops && ${command}`, {
    user: SERVER_USER
  })
  if (code !== 0) throw new Error(`${command}: ${stdout}${stderr}`)
  return stdout + stderr
}

interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: string
}

/** Asks the server's port 80 under a name, as a visitor would. */
async function visit(path: string, name: string): Promise<Answer> {
  const { LAB_HTTP } = await connection()
  return new Promise((resolve, reject) => {
    const asked = request(`${LAB_HTTP}${path}`, { headers: { Host: name } }, answer => {
      let body = ''
      answer.setEncoding('utf8').on('data', (text: string) => {
        body += text
      })
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body })
      )
    })
    asked.on('error', reject)
    asked.end()
  })
}

async function containers(): Promise<string> {
  return operator(
    `docker ps -q | sort | xargs docker inspect -f '{{.Name}} {{.Id}} {{.State.StartedAt}}'`
  )
}

test('deploy.yml, unmodified, builds the example and puts it live', () => {
  expect(first.output).toContain('live: the release serves')
  expect(first.code).toBe(0)
})

test('each domain answers in its language, and says which release it is', async () => {
  const english = await visit('/', 'happydiving.mx')
  const spanish = await visit('/', 'www.buceofeliz.com')
  expect(english.status).toBe(200)
  expect(english.body).toContain('lang="en"')
  expect(spanish.body).toContain('lang="es"')
  const health = await visit('/health/', 'happydiving.mx')
  expect(health.status).toBe(200)
  expect(JSON.parse(health.body)).toMatchObject({
    release: expect.stringMatching(/^[0-9a-f]{40}$/)
  })
  expect(health.headers['x-frame-options']).toBe('SAMEORIGIN')
  expect(health.headers['x-content-type-options']).toBe('nosniff')
})

test('whoever opens LAB_HTTP sees the site, with its hashed style sheet', async () => {
  const { LAB_HTTP } = await connection()
  const page = await visit('/', new URL(LAB_HTTP).host)
  expect(page.status).toBe(200)
  const sheet = /href="(\/static\/[^"]+\.[0-9a-f]{8,}\.css)"/.exec(page.body)?.[1] as string
  const css = await visit(sheet, 'happydiving.mx')
  expect(css.status).toBe(200)
  expect(css.headers['cache-control']).toContain('max-age=31536000')
})

test('the server looks as its operators know it', async () => {
  const names = (await operator('docker ps --format "{{.Names}}" | sort')).trim().split('\n')
  expect(names).toEqual([
    'diveops_db_prod',
    'diveops_nginx_prod',
    'diveops_redis_prod',
    'diveops_web_prod'
  ])
  const before = await containers()
  await operator('docker compose -f docker-compose.prod.yml up -d')
  expect(await containers()).toBe(before)
  expect(await operator('cat .env')).toContain("SECURE_SSL_REDIRECT='false'")
})

test('the same push again is unchanged and restarts nothing', async () => {
  const before = await containers()
  const { code, output } = await act(folder, ['push'])
  expect(output).toContain('unchanged: this release was already live, nothing was restarted')
  expect(code).toBe(0)
  expect(await containers()).toBe(before)
})

test('by hand with plan-only it says what would change, and changes nothing', async () => {
  const before = await containers()
  const words = ['--input', 'plan-only=true', '--input', 'strategy=recreate']
  const { code, output } = await act(folder, ['workflow_dispatch', ...words])
  expect(output).toContain('planned: nothing was changed')
  expect(code).toBe(0)
  expect(await containers()).toBe(before)
})

test('nginx follows the certificates: HTTPS once they are there, HTTP-only again when they are gone', async () => {
  await vpsExec(`cd /opt/diveops
for name in happydiving.mx buceofeliz.com; do
  mkdir -p certs/live/$name
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj "/CN=$name" -addext "subjectAltName=DNS:$name,DNS:www.$name" -keyout certs/live/$name/privkey.pem -out certs/live/$name/fullchain.pem 2>/dev/null
done; chown -R ${SERVER_USER} certs`)
  const secure = await act(folder, ['push'])
  expect(secure.output).toContain('nginx: from the http to the https variant')
  expect(secure.code).toBe(0)
  expect(await operator('cat .env')).toContain("SECURE_SSL_REDIRECT='true'")
  const redirect = await visit('/', 'happydiving.mx')
  expect([redirect.status, redirect.headers.location]).toEqual([301, 'https://happydiving.mx/'])
  await operator('rm -r certs/live')
  const plain = await act(folder, ['push'])
  expect(plain.code).toBe(0)
  expect(await operator('cat .env')).toContain("SECURE_SSL_REDIRECT='false'")
  expect((await visit('/', 'happydiving.mx')).status).toBe(200)
})
