import type { AddressInfo } from 'node:net'
import dns2 from 'dns2'

const { Packet } = dns2

/** What a name server says of a name and type: records, a failure's code, or nothing ever. */
export type Said = readonly Entry[] | 'NXDOMAIN' | 'SERVFAIL' | 'REFUSED' | 'silence'

export type Entry =
  | { address: string }
  | { domain: string }
  | { flags: number; tag: string; value: string }

/** A CAA record. */
export function caa(tag: string, value: string, flags = 0): Entry {
  return { flags, tag, value }
}

/** A name server on 127.0.0.1 for one test. What it has not been told of does not exist. */
export class NameServer {
  readonly #server: ReturnType<typeof dns2.createUDPServer>
  readonly #zone: Readonly<Record<string, Said>>
  /** Questions in their order, each `name TYPE`. */
  readonly asked: string[] = []

  /** Keys of the zone are `name TYPE`, such as `www.example.com CAA`. */
  constructor(zone: Readonly<Record<string, Said>>) {
    this.#zone = zone
    this.#server = dns2.createUDPServer((request, send) => {
      const response = Packet.createResponseFromRequest(request)
      const question = request.questions[0]
      if (!question) return send(response)
      const type = Packet.typeName(question.type as number)
      this.asked.push(`${question.name} ${type}`)
      const said = this.#answer(question.name, type)
      if (said === 'silence') return undefined
      if (typeof said === 'string') response.header.rcode = Packet.RCODE[said]
      else response.answers = said.map(entry => record(question.name, entry, type))
      return send(response)
    })
  }

  #answer(name: string, type: string): Said {
    const said = this.#zone[`${name} ${type}`]
    if (said !== undefined) return said
    const known = Object.keys(this.#zone).some(key => key.startsWith(`${name} `))
    return known ? [] : 'NXDOMAIN'
  }

  /** Listens, and returns the address as a resolver takes it. */
  async listen(): Promise<string> {
    await this.#server.listen(0, '127.0.0.1')
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    await new Promise<void>(done => this.#server.close(done))
  }
}

function record(name: string, entry: Entry, type: string) {
  const kind = 'domain' in entry ? 'CNAME' : type
  return Object.assign(new Packet.Resource(), {
    name,
    type: Packet.TYPE[kind as keyof typeof Packet.TYPE],
    class: Packet.CLASS.IN,
    ttl: 60,
    ...entry
  })
}
