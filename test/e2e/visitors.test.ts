import { type ClientRequest, request } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connection, resetVps, underLoad, up } from '@diveops/lab'
import { beforeAll, expect, jest, test } from '@jest/globals'
import type { Outcome } from '../harness/action.ts'
import {
  type Behaviour,
  buildTiny,
  checkoutTiny,
  deployTiny,
  edit,
  mustDeploy,
  onServer,
  put,
  rollbackTiny,
  site
} from '../harness/tiny.ts'

jest.setTimeout(300_000)

const releases: string[] = []
let url = ''
let workspace = ''

const LOCATIONS = `location /static/ {
        alias /static/;
    }
    location /socket {
        proxy_pass http://web:8000;
        proxy_http_version 1.1;
        proxy_set_header Upgrade websocket;
        proxy_set_header Connection upgrade;
    }
    `

/** The app with static files in a volume that nginx serves, and a websocket. */
async function checkout(change?: (folder: string) => Promise<void>): Promise<string> {
  return checkoutTiny(async copy => {
    const compose = 'docker-compose.prod.yml'
    await put(
      copy,
      'diveops.yml',
      `domains: [[a.example]]
health: {bake: 2s}
release:
  - web: python3 /server.py migrate
  - web: python3 /server.py collect
    again: true
`
    )
    await edit(copy, 'proxy/default.conf', 'location /', `${LOCATIONS}location /`)
    await edit(copy, compose, 'conf.d:ro\n', 'conf.d:ro\n      - static:/static:ro\n')
    await edit(copy, compose, '[data:/data]', '[data:/data, static:/static]')
    await edit(copy, compose, '  data:\n', '  data:\n  static:\n')
    await change?.(copy)
  })
}

beforeAll(async () => {
  await up(() => {})
  await resetVps()
  url = (await connection()).LAB_HTTP
  workspace = await checkout()
  const first = await mustDeploy(workspace, await buildTiny('r1'))
  releases.push(first.outputs.release as string)
})

/** What a visitor got: the release that answered, and how many bytes. */
interface Got {
  status: number | undefined
  release: unknown
  received: unknown
  bytes: number
}

function finish(asked: ClientRequest): Promise<Got> {
  return new Promise((resolve, reject) => {
    asked.on('error', reject)
    asked.on('response', answer => {
      let bytes = 0
      answer.on('data', (piece: Buffer) => {
        bytes += piece.length
      })
      answer.on('error', reject)
      answer.on('end', () => {
        const { 'x-release': release, 'x-received': received } = answer.headers
        resolve({ status: answer.statusCode, release, received, bytes })
      })
    })
  })
}

/** A body of 80,000 bytes that takes 8 s to come. */
async function slowUpload(): Promise<Got> {
  const headers = { 'Content-Length': 80_000 }
  const asked = request(`${url}/upload`, { method: 'POST', headers, agent: false })
  const done = finish(asked)
  // Awaited below; until then a failure must not count as one that nobody sees.
  done.catch(() => {})
  for (let piece = 0; piece < 80; piece++) {
    asked.write('.'.repeat(1000))
    await sleep(100)
  }
  asked.end()
  return done
}

function slowDownload(): Promise<Got> {
  const asked = request(`${url}/trickle`, { agent: false })
  asked.end()
  return finish(asked)
}

/** An open websocket: what it answers to a text, and whether the other side has closed it. */
class WebSocketClient {
  closed = false
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('close', () => {
      this.closed = true
    })
    socket.on('error', () => {})
  }

  static open(): Promise<WebSocketClient> {
    const headers = {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Key': 'x3JJHMbDL1EzLkh9GBhXDw==',
      'Sec-WebSocket-Version': '13'
    }
    return new Promise((resolve, reject) => {
      const asked = request(`${url}/socket`, { headers, agent: false })
      asked.on('upgrade', (_answer, socket: Socket) => resolve(new WebSocketClient(socket)))
      asked.on('response', answer => reject(new Error(`no websocket: ${answer.statusCode}`)))
      asked.on('error', reject)
      asked.end()
    })
  }

  say(text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#socket.once('data', frame => resolve(frame.subarray(2).toString()))
      this.#socket.once('close', () => reject(new Error('the websocket was closed')))
      const head = [0x81, 0x80 | text.length, 0, 0, 0, 0]
      this.#socket.write(Buffer.concat([Buffer.from(head), Buffer.from(text)]))
    })
  }

  end(): void {
    this.#socket.destroy()
  }
}

function state({ outputs, log, code }: Outcome): string {
  return outputs.state ?? `none (exit ${code}): ${log}`
}

async function sheet(release: string): Promise<string> {
  return (await (await fetch(`${url}/static/app-${release}.css`)).text()).trim()
}

test('what began before the switch finishes: a slow upload, a slow download, a websocket for as long as is said', async () => {
  const socket = await WebSocketClient.open()
  expect(await socket.say('hello')).toBe('hello, release r1')
  let begun: Promise<[Got, Got]> | undefined
  let drained: Promise<string> | undefined
  const outcome = await deployTiny(
    workspace,
    { digest: await buildTiny('r2'), strategy: 'roll' },
    {
      onOutput: text => {
        if (text.includes('→ roll web')) begun ??= Promise.all([slowUpload(), slowDownload()])
        if (text.includes('→ replace web')) drained ??= sleep(3000).then(() => socket.say('still'))
      }
    }
  )
  expect(state(outcome)).toBe('live')
  releases.push(outcome.outputs.release as string)
  const [upload, download] = (await begun) as [Got, Got]
  expect(upload).toMatchObject({ status: 200, release: 'r1', received: '80000' })
  expect(download).toEqual({ status: 200, release: 'r1', received: undefined, bytes: 80_000 })
  expect(await drained).toBe('still, release r1')
  // The compose file says 5 s, which is less than the least.
  expect(outcome.log).toContain(
    'after 10 s connections from before the switch are still open; they are cut now'
  )
  expect(socket.closed).toBe(true)
  const another = await WebSocketClient.open()
  expect(await another.say('again')).toBe('again, release r2')
  another.end()
})

test('static files that pages of the previous release ask for stay, also after the way back', async () => {
  expect(await sheet('r1')).toBe('/* release r1 */')
  expect(await sheet('r2')).toBe('/* release r2 */')
  const back = await rollbackTiny()
  expect(back.outputs).toMatchObject({ state: 'live', release: releases[0] })
  expect(await sheet('r1')).toBe('/* release r1 */')
  expect(await sheet('r2')).toBe('/* release r2 */')
  expect(await site()).toBe('release r1, hello from the template')
})

/** Deploys what must be taken back before the old container is touched; what the run says first. */
async function takenBack(behaviour: Behaviour, folder = workspace): Promise<string> {
  const before = await site()
  const digest = await buildTiny(behaviour, behaviour)
  const outcome = await deployTiny(folder, { digest, strategy: 'roll' })
  expect(state(outcome)).toBe('restored')
  expect(outcome.code).toBe(1)
  expect(await site()).toBe(before)
  expect(await onServer('docker ps -a --format "{{.Names}}" | sort')).toBe(
    'tiny-proxy-1\ntiny-store-1\ntiny-web-1\n'
  )
  expect(await onServer('docker exec tiny-proxy-1 cat /etc/hosts')).not.toContain('roll of')
  const error = outcome.log.split('\n').find(one => one.startsWith('::error::')) as string
  return decodeURIComponent(error)
}

const UNSTEADY = "service 'web' did not stay healthy while it was watched: "

test('a release that is healthy and answers with errors is seen by no visitor', async () => {
  const { result, seen } = await underLoad(url, () => takenBack('errors'))
  expect(result).toContain(
    "service 'web' would answer http://a.example/ with 500, where the release that serves answers 200"
  )
  expect(seen.lost).toEqual([])
  expect(Object.keys(seen.releases)).toEqual(['r1'])
})

test('a release that refuses the name of the site is seen by no visitor', async () => {
  expect(await takenBack('wrong-hosts')).toContain(
    "service 'web' would answer http://a.example/health/ with 400, where the release that serves answers 200"
  )
})

test('a release whose errors only visitors find is taken back', async () => {
  const { result, seen } = await underLoad(url, () => takenBack('errors-inside'))
  expect(result).toMatch(
    new RegExp(`${UNSTEADY}of \\d+ answers to visitors since the switch \\d+ were errors`)
  )
  expect(seen.lost).toContainEqual(expect.stringMatching(/: 500$/))
})

/** The same with one more location in the configuration of nginx. */
function checkoutWith(location: string): Promise<string> {
  return checkout(copy =>
    edit(copy, 'proxy/default.conf', 'location /socket', `${location}\n    location /socket`)
  )
}

test('a release whose nginx refuses the name of the site is taken back', async () => {
  const folder = await checkoutWith('location /health/ { return 404; }')
  expect(await takenBack('good', folder)).toContain(
    `${UNSTEADY}http://a.example answers 404 through the proxy, and did not before`
  )
})

test('a release that nginx does not really ask is taken back', async () => {
  // The container's name in its network, which no pin has: it goes on meaning the old one.
  const folder = await checkoutWith(
    'location /health/ { proxy_pass http://tiny-web-1.tiny_default:8000; }'
  )
  expect(await takenBack('good', folder)).toContain(`${UNSTEADY}nginx still asks the old container`)
})
