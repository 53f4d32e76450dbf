import { parseArgs } from 'node:util'
import { errorMessage, UserError } from '@diveops/core/base/errors'
import { bundles } from './bundles.ts'
import { downtime } from './downtime.ts'
import { health } from './health.ts'
import { refuseStaleBundles } from './stale.ts'
import { tls } from './tls.ts'
import { trips } from './trips.ts'

const BENCHMARKS = { trips, downtime, health, bundles, tls }

const USAGE = `usage: npm run bench -- ${Object.keys(BENCHMARKS).join('|')} [--repeat N]`

/** How many rounds a benchmark takes unless it is told. */
const ROUNDS = { trips: 3, downtime: 3, health: 3, bundles: 21, tls: 1 }

const say = (line: string) => console.log(line)

// Ctrl-C ends the programs that run, and then everything is cleaned up as after a failure.
const cancel = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => cancel.abort())

try {
  await main(process.argv.slice(2))
} catch (error) {
  if (cancel.signal.aborted) console.error('cancelled')
  else if (error instanceof UserError)
    console.error([errorMessage(error), ...error.details].join('\n'))
  else console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = cancel.signal.aborted ? 130 : 1
}

async function main(words: string[]): Promise<void> {
  const { positionals, values } = parse(words)
  const [name] = positionals
  if (positionals.length !== 1 || name === undefined || !(name in BENCHMARKS)) {
    throw new UserError(USAGE)
  }
  const chosen = name as keyof typeof BENCHMARKS
  const repeat = Number(values.repeat ?? ROUNDS[chosen])
  if (!Number.isInteger(repeat) || repeat < 1) throw new UserError(USAGE)
  await refuseStaleBundles()
  const figures = await BENCHMARKS[chosen]({ repeat, say, signal: cancel.signal })
  say(JSON.stringify(figures))
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, allowPositionals: true, options: { repeat: { type: 'string' } } })
  } catch (error) {
    throw new UserError(`${errorMessage(error)}; ${USAGE}`)
  }
}
