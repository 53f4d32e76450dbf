import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { createApp, readSighting } from '../src/app.js'

let broken = false
const seen = []
const memory = {
  list: async () => seen,
  add: async (species, depth) => {
    seen.push({ species, depth })
    return { species, depth }
  },
  check: async () => {
    if (broken) throw new Error('gone')
  }
}
const server = createApp(memory, 'abc').listen(0, '127.0.0.1')
const url = path => `http://127.0.0.1:${server.address().port}${path}`

before(() => (server.listening ? undefined : once(server, 'listening')))
after(() => server.close())

test('what was seen is on the page, as text', async () => {
  const body = JSON.stringify({ species: '<b>Manta</b>', depth: 12 })
  const { status } = await fetch(url('/api/sightings'), { method: 'POST', body })
  assert.equal(status, 201)
  const html = await (await fetch(url('/'))).text()
  assert.match(html, /&#60;b&#62;Manta&#60;\/b&#62; at 12 m/)
})

test('health names the release, and fails with the database', async () => {
  const well = await fetch(url('/health/'))
  assert.equal(well.status, 200)
  assert.equal((await well.json()).release, 'abc')
  broken = true
  assert.equal((await fetch(url('/health/'))).status, 503)
})

test('a sighting that cannot be is refused', () => {
  for (const text of ['', '[]', '{"species":"","depth":1}', '{"species":"Ray","depth":-1}']) {
    assert.throws(() => readSighting(text), { status: 400 })
  }
})
