import { lookup } from 'node:dns/promises'

/** Where pebble-challtestsrv, which answers DNS on port 53, takes its records. */
export const NAME_SERVER = 'http://127.0.0.1:8055'

/** The names of the example, which lead to the server unless a test says otherwise. */
const DEFAULT_NAMES = ['happydiving.mx', 'buceofeliz.com'].flatMap(name => [name, `www.${name}`])

/** Names that a test has changed since the last reset. */
const changed = new Set()

/** Gives a name exactly these addresses. */
export async function setAddresses(name, { a = [], aaaa = [] }) {
  changed.add(name)
  await clear(name, ['a', 'aaaa'])
  await addresses(name, 'a', a)
  await addresses(name, 'aaaa', aaaa)
}

/** Gives a name exactly these CAA records. */
export async function setCaa(name, policies) {
  changed.add(name)
  await clear(name, ['caa'])
  if (policies.length > 0) await tell('add-caa', { host: name, policies })
}

/** Every question for a name fails from now on. */
export async function servfail(name) {
  changed.add(name)
  await tell('set-servfail', { host: name })
}

/** Forgets what tests have set. */
export async function resetNames() {
  for (const name of changed) await clear(name, ['a', 'aaaa', 'caa', 'servfail'])
  changed.clear()
  await pointDefaults()
}

/** Lets the names of the example lead to where the server is now, but for those a test has changed. */
export async function pointDefaults() {
  const { address } = await lookup('vps', 4)
  for (const name of DEFAULT_NAMES) {
    if (changed.has(name)) continue
    await clear(name, ['a'])
    await addresses(name, 'a', [address])
  }
}

async function addresses(name, type, list) {
  if (list.length > 0) await tell(`add-${type}`, { host: name, addresses: list })
}

async function clear(name, types) {
  for (const type of types) await tell(`clear-${type}`, { host: name })
}

async function tell(path, body) {
  const answer = await fetch(`${NAME_SERVER}/${path}`, {
    method: 'POST',
    body: JSON.stringify(body)
  })
  if (!answer.ok) throw new Error(`the name server refused ${path}: ${await answer.text()}`)
}
