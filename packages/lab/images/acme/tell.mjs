// node tell.mjs ACTION: carries out an action with the parameters on standard input, as JSON, and
// prints its result.
import { text } from 'node:stream/consumers'
import { CONTROL_PORT } from './place.mjs'

const answer = await fetch(`http://127.0.0.1:${CONTROL_PORT}/${process.argv[2]}`, {
  method: 'POST',
  body: await text(process.stdin)
})
const result = await answer.text()
if (answer.ok) process.stdout.write(result)
else process.stderr.write(result)
process.exitCode = answer.ok ? 0 : 1
