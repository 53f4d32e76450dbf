import path from 'node:path'
import { errorMessage, UserError } from '@diveops/core/base/errors'
import { quote } from '@diveops/core/base/shell'
import { act } from './act.ts'
import { connection } from './connection.ts'
import { down } from './down.ts'
import { ssh } from './exec.ts'
import { lint } from './lint.ts'
import { tryOut } from './try.ts'
import { up } from './up.ts'

const say = (line: string) => console.log(line)
const write = (text: string) => void process.stdout.write(text)

const COMMANDS: Record<string, (words: string[]) => Promise<number>> = {
  up: async () => {
    await up(say)
    return 0
  },
  down: async () => {
    await down()
    return 0
  },
  env: async () => {
    const values = Object.entries(await connection())
    for (const [name, value] of values) say(`export ${name}=${quote(value)}`)
    return 0
  },
  ssh,
  act: async ([folder, ...words]) => {
    if (folder === undefined) throw new UserError('usage: npm run lab -- act FOLDER [arguments]')
    const cancel = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => cancel.abort())
    // npm runs us in the repository, wherever it was called.
    const place = path.resolve(process.env.INIT_CWD ?? '.', folder)
    return (await act(place, words, { onOutput: write, signal: cancel.signal })).code
  },
  lint: async () => {
    const findings = await lint(say)
    for (const line of findings) say(line)
    return findings.length > 0 ? 1 : 0
  },
  try: () => tryOut(say, write)
}

const [name = '', ...words] = process.argv.slice(2)
const command = COMMANDS[name]
if (!command) {
  console.error(
    'usage: npm run lab -- up | down | env | ssh [command] | act FOLDER [arguments] | lint | try'
  )
  process.exit(2)
}
try {
  process.exitCode = await command(words)
} catch (error) {
  if (error instanceof UserError) console.error([errorMessage(error), ...error.details].join('\n'))
  else console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
