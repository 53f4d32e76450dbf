import { connect } from 'node:net'
import { type BoxName, container } from './boxes.ts'
import { tryDocker } from './docker.ts'
import { tellAcme } from './names.ts'
import { eventually } from './poll.ts'
import type { Ports } from './ports.ts'
import { tail } from './process.ts'

const TIMEOUT_MS = 60_000

/** Waits until the server, the runner both registries and the certificate authorities answer; a box that never does shows its log. */
export async function waitUntilReady(ports: Ports): Promise<void> {
  await Promise.all([
    ready('vps', () => answersAsSsh(ports.ssh)),
    ready('acme', async () => {
      await tellAcme('requests')
      return true
    }),
    ready('runner', async () => {
      const ghcr = 'curl -s -o /dev/null https://ghcr.io/v2/'
      const mirror = 'curl -sf -o /dev/null http://mirror:5000/v2/'
      const command = `docker version >/dev/null && ${ghcr} && ${mirror}`
      return (await tryDocker(['exec', container('runner'), 'sh', '-c', command])).code === 0
    })
  ])
}

async function ready(name: BoxName, probe: () => Promise<boolean>): Promise<void> {
  try {
    await eventually(`the box '${name}' answers`, TIMEOUT_MS, probe)
  } catch (error) {
    const { stdout, stderr } = await tryDocker(['logs', '--tail', '20', container(name)])
    throw new Error(`${error}\n${tail(stdout + stderr, 20)}`)
  }
}

/** Whether a server sends its greeting: a port alone may be the engine's, with nothing behind it. */
function answersAsSsh(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1' })
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(2000, () => end(false))
    socket.once('data', data => end(data.toString().startsWith('SSH-2.0')))
    socket.once('error', () => end(false))
    socket.once('close', () => end(false))
  })
}
