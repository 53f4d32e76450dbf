import net, { type AddressInfo } from 'node:net'
import { Worker } from 'node:worker_threads'

/** Servers of one test file on ports of their own; `close` ends them and every connection. */
export class Servers {
  readonly #open: net.Server[] = []
  readonly #sockets = new Set<net.Socket>()

  /** Listens on an address of this machine and returns the port, any free one for 0. */
  async listen(server: net.Server, address = '127.0.0.1', port = 0): Promise<number> {
    this.#open.push(server)
    for (const event of ['connection', 'secureConnection']) {
      server.on(event, (socket: net.Socket) => this.#sockets.add(socket))
    }
    await new Promise<void>(resolve => server.listen(port, address, resolve))
    return (server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#sockets.clear()
    await Promise.all(this.#open.splice(0).map(server => new Promise(done => server.close(done))))
  }

  /** A port on which nothing listens. */
  async closedPort(): Promise<number> {
    const server = net.createServer()
    const port = await this.listen(server)
    this.#open.splice(this.#open.indexOf(server), 1)
    await new Promise(done => server.close(done))
    return port
  }
}

/**
 * A port that drops every further connection: it listens, nobody accepts, and its queue is full.
 * `open` ends it.
 */
export async function deafPort() {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads')
     const server = require('node:net').createServer()
     server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
       parentPort.postMessage(server.address().port)
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
     })`,
    { eval: true }
  )
  const port = await new Promise<number>(resolve => worker.once('message', resolve))
  const waiting = Array.from({ length: 4 }, () => net.connect(port, '127.0.0.1'))
  for (const socket of waiting) socket.on('error', () => {})
  await new Promise(done => waiting[0]?.once('connect', done))
  const open = async () => {
    for (const socket of waiting) socket.destroy()
    await worker.terminate()
  }
  return { port, open }
}
