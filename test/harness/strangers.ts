import { quote } from '@diveops/core/base/shell'
import { runnerExec } from '@diveops/lab'

const SERVER = `require('node:http').createServer((request, response) => {
  const host = request.headers.host.split(':')[0]
  const go = (status, headers, body = '') => response.writeHead(status, headers).end(body)
  if (host === 'login.test' && request.url.startsWith('/.well-known')) return go(302, { location: '/login' })
  if (host === 'login.test') return go(200, { 'content-type': 'text/html' }, '<title>Sign in</title>')
  if (host === 'loop.test') return go(302, { location: request.url })
  if (host === 'port.test') return go(302, { location: 'http://port.test:8080' + request.url })
  if (host === 'token.test') return go(200, {}, 'a-token-of-somebody-else')
  go(404, { server: 'elsewhere' }, 'nothing here')
}).listen(80, process.argv[1])`

/**
 * Starts a web server that is not the app's, at port 80 of the lab's runner; what it answers depends
 * on the name. Returns its address in the lab's network and what ends it.
 */
export async function startStranger(): Promise<{ address: string; stop: () => Promise<void> }> {
  const { stdout } = await runnerExec(
    `at=$(hostname -i | cut -d ' ' -f 1)
setsid node -e ${quote(SERVER)} "$at" > /dev/null 2>&1 < /dev/null & echo $! > /tmp/stranger
tries=0; until curl -s -o /dev/null "http://$at/" || [ "$tries" -gt 100 ]; do tries=$((tries + 1)); sleep 0.1; done
echo "$at"`
  )
  return {
    address: stdout.trim(),
    stop: async () => {
      await runnerExec('kill "$(cat /tmp/stranger)"')
    }
  }
}
