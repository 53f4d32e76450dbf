import { createServer } from 'node:http'
import { manage } from './authorities.mjs'
import { pointDefaults, resetNames, servfail, setAddresses, setCaa } from './names.mjs'
import { CONTROL_PORT } from './place.mjs'
import { addFault, clearFaults, forgetRequests, recorded } from './proxy.mjs'

const ACTIONS = {
  addresses: ({ name, ...addresses }) => setAddresses(name, addresses),
  caa: ({ name, policies }) => setCaa(name, policies),
  servfail: ({ name }) => servfail(name),
  defaults: pointDefaults,
  fault: addFault,
  'clear-faults': clearFaults,
  requests: () => recorded(),
  root: ({ ca }) => manage(ca, '/roots/0'),
  'renewal-window': ({ ca, certificate, start, end }) => {
    const window = JSON.stringify({ suggestedWindow: { start, end } })
    const body = JSON.stringify({ Certificate: certificate, ARIResponse: window })
    return manage(ca, '/set-renewal-info/', body)
  },
  reset: async () => {
    await clearFaults()
    await resetNames()
    forgetRequests()
  }
}

/** Takes orders from within this box: an action's name as the path, its parameters as JSON. */
export function serveControl() {
  createServer(async (request, response) => {
    try {
      let body = ''
      for await (const piece of request.setEncoding('utf8')) body += piece
      const action = ACTIONS[request.url.slice(1)]
      if (!action) throw new Error(`there is no action '${request.url}'`)
      const result = (await action(JSON.parse(body))) ?? null
      response.end(JSON.stringify(result))
    } catch (error) {
      response.writeHead(500).end(String(error))
    }
  }).listen(CONTROL_PORT, '127.0.0.1')
}
