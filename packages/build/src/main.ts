import { errorMessage, UserError } from '@diveops/core/base/errors'
import { build } from './build.ts'
import { check } from './check.ts'
import { publish } from './publish/publish.ts'
import { version } from './publish/raise.ts'
import { faults, test } from './test.ts'

const COMMANDS: Record<string, (words: string[]) => Promise<number>> = {
  build: async words => {
    await build(words)
    return 0
  },
  check,
  faults,
  publish,
  test,
  version
}

const [name = '', ...words] = process.argv.slice(2)
const command = COMMANDS[name]
if (!command) {
  console.error(`usage: npm run build | npm run check | npm run test | npm run test:faults`)
  process.exit(2)
}
try {
  process.exitCode = await command(words)
} catch (error) {
  if (error instanceof UserError) console.error([errorMessage(error), ...error.details].join('\n'))
  // ncc puts megabytes of generated source into its errors.
  else console.error(String(error).slice(0, 4000))
  process.exitCode = 1
}
