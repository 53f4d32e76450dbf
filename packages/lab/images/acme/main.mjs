import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { AUTHORITIES, manage, writeConfiguration } from './authorities.mjs'
import { serveControl } from './control.mjs'
import { NAME_SERVER } from './names.mjs'
import { listen } from './proxy.mjs'

const DNS = '127.0.0.1:53'
const DETERMINISTIC = {
  PEBBLE_VA_NOSLEEP: '1',
  PEBBLE_WFE_NONCEREJECT: '0',
  PEBBLE_AUTHZREUSE: '0'
}

/** Starts a program that this box is of no use without. */
function start(program, words) {
  const env = { ...process.env, ...DETERMINISTIC }
  const child = spawn(program, words, { stdio: ['ignore', 'inherit', 'inherit'], env })
  child.on('exit', code => {
    console.error(`${program} ended with code ${code}`)
    process.exit(1)
  })
}

async function answers(probe) {
  for (;;) {
    try {
      await probe()
      return
    } catch {
      await sleep(50)
    }
  }
}

// The first process of a container gets no signal that it does not ask for.
process.on('SIGTERM', () => process.exit(0))

const off = ['-doh', '-http01', '-https01', '-tlsalpn01', '-defaultIPv4', '-defaultIPv6']
start('pebble-challtestsrv', [
  ...['-dnsserver', ':53', '-management', new URL(NAME_SERVER).host],
  ...off.flatMap(option => [option, ''])
])
await answers(() => fetch(NAME_SERVER))
for (const name of Object.keys(AUTHORITIES)) {
  start('pebble', ['-config', writeConfiguration(name), '-dnsserver', DNS])
}
for (const name of Object.keys(AUTHORITIES)) await answers(() => manage(name, '/roots/0'))
await listen()
// Last: who is answered here may use the rest.
serveControl()
