import net, { type AddressInfo } from 'node:net'

/** Servers of one test file on ports of their own; `close` ends them and every connection. */
export class Servers {
  readonly #open: net.Server[] = []
  readonly #sockets = new Set<net.Socket>()

  /** Listens on 127.0.0.1 and returns the port. */
  async listen(server: net.Server): Promise<number> {
    this.#open.push(server)
    for (const event of ['connection', 'secureConnection']) {
      server.on(event, (socket: net.Socket) => this.#sockets.add(socket))
    }
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
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
