import { connect, constants } from 'node:http2'
import { connection, resetVps, underLoad, up } from '@diveops/lab'
import { beforeAll, expect, jest, test } from '@jest/globals'
import { keepFigures } from '../harness/figures.ts'
import { buildWires, checkoutTiny, deployTiny, mustDeploy, onServer } from '../harness/tiny.ts'

jest.setTimeout(300_000)

/** What nginx hands on by which protocol: through an `upstream`, and by the service's name. */
const WIRES = { '/': 'uwsgi', '/fast/': 'FastCGI', '/remote/': 'gRPC' }

const digests = { r1: '', r2: '' }
let workspace = ''
let url = ''

beforeAll(async () => {
  await up(() => {})
  await resetVps()
  url = (await connection()).LAB_HTTP
  for (const name of ['r1', 'r2'] as const) digests[name] = await buildWires(name)
  workspace = await checkoutTiny(undefined, 'wires')
  await mustDeploy(workspace, digests.r1)
})

/** A call as a gRPC client makes it: its message, and how the server says that it went. */
async function call(path: string): Promise<{ message: string; status: unknown }> {
  const session = connect(url)
  try {
    const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc' }
    const stream = session.request({ ...headers, te: 'trailers' })
    let status: unknown
    stream.on('trailers', trailers => {
      status = trailers['grpc-status']
    })
    stream.end(Buffer.alloc(5))
    let body = Buffer.alloc(0)
    for await (const piece of stream) body = Buffer.concat([body, piece])
    expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR)
    return { message: body.subarray(5).toString(), status }
  } finally {
    session.close()
  }
}

test('an app that nginx reaches by uwsgi, FastCGI and gRPC is rolled, and no request is lost', async () => {
  const { result, seen } = await underLoad(
    url,
    () => deployTiny(workspace, { digest: digests.r2, strategy: 'roll' }),
    { paths: Object.keys(WIRES) }
  )
  await keepFigures(expect.getState().currentTestName ?? '', seen)
  expect([result.outputs.state, result.log]).toEqual(['live', expect.anything()])
  expect(JSON.parse(result.outputs.plan ?? '').services).toMatchObject([
    { service: 'web', what: 'roll' },
    { service: 'proxy', what: 'reload' }
  ])
  expect(seen.lost).toEqual([])
  expect(Object.keys(seen.releases).sort()).toEqual(['r1', 'r2'])
  const applied = (await onServer('docker exec wires-web-1 cat /data/bookings')).split('\n')
  for (const key of seen.posted) expect(applied.filter(line => line === key)).toHaveLength(1)
  for (const [path, by] of Object.entries(WIRES)) {
    expect(await (await fetch(url + path)).text()).toContain(`release r2, by ${by}\n`)
  }
  expect(await call('/remote/dives.Log/List')).toEqual({
    message: 'release r2, by gRPC\n',
    status: '0'
  })
  expect(await onServer('docker exec wires-proxy-1 cat /etc/hosts')).not.toContain('roll of')
})
