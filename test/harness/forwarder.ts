import net from 'node:net'

/** A TCP forwarder that stands between an action and a server and can break what passes through. */
export interface Forwarder {
  port: number
  /** How many connections were made so far. */
  readonly count: number
  /** Ends every connection by a reset, as a router does that has lost its tables. */
  reset(): void
  /** Passes nothing on any more, and says nothing: as a cable that is cut. New connections pass. */
  silence(): void
  /** Refuses new connections, or lets them pass again. */
  refuse(refused: boolean): void
  close(): Promise<void>
}

interface Pair {
  near: net.Socket
  far: net.Socket
}

/** Starts a forwarder on a free port of the loopback. */
export async function startForwarder(host: string, port: number): Promise<Forwarder> {
  const pairs = new Set<Pair>()
  const silent: Pair[] = []
  let refused = false
  let count = 0
  const server = net.createServer({ noDelay: true }, near => {
    if (refused) {
      near.resetAndDestroy()
      return
    }
    count += 1
    const far = net.connect({ host, port, noDelay: true })
    const pair = { near, far }
    pairs.add(pair)
    for (const socket of [near, far]) {
      socket.on('error', () => {})
      socket.on('close', () => {
        if (!pairs.delete(pair)) return
        near.destroy()
        far.destroy()
      })
    }
    near.pipe(far)
    far.pipe(near)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as net.AddressInfo).port,
    get count() {
      return count
    },
    reset() {
      for (const { near, far } of pairs) {
        near.resetAndDestroy()
        far.resetAndDestroy()
      }
    },
    silence() {
      for (const pair of pairs) {
        pairs.delete(pair)
        silent.push(pair)
        for (const [from, to] of [
          [pair.near, pair.far],
          [pair.far, pair.near]
        ] as const) {
          from.unpipe(to)
          from.resume()
        }
      }
    },
    refuse(value) {
      refused = value
    },
    async close() {
      for (const { near, far } of [...pairs, ...silent]) {
        near.destroy()
        far.destroy()
      }
      await new Promise(resolve => server.close(resolve))
    }
  }
}
