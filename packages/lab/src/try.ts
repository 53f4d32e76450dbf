import { rm } from 'node:fs/promises'
import { formatDuration } from '@diveops/core/base/time'
import { act } from './act.ts'
import { connection } from './connection.ts'
import { ask } from './http.ts'
import { Progress, type Say } from './progress.ts'
import { assembleExample } from './repository.ts'
import { up } from './up.ts'

const NOISE = /LocalRepositoryCache|\] +⚙ |\] +❓ |Cleaning up container|\| *$/
const DOMAINS = ['happydiving.mx', 'buceofeliz.com']

/**
 * Shows the main job to a newcomer: starts the lab, runs deploy.yml of the example in it as a push
 * to main would, and says where the site is. Returns the exit code.
 */
export async function tryOut(say: Say, write: (text: string) => void): Promise<number> {
  const started = performance.now()
  const progress = new Progress(say)
  await progress.phase('lab', () => up(say))
  say('\nrunning deploy.yml of the example, as GitHub would after a push to main:\n')
  const folder = await assembleExample(['deploy.yml'])
  try {
    const words = ['push', '--workflows', '.github/workflows/deploy.yml']
    const onOutput = withoutNoise(write)
    const { code } = await progress.phase('deploy.yml', () => act(folder, words, { onOutput }))
    if (code !== 0) {
      say(`deploy.yml failed with code ${code}: its reason stands above`)
      return code
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  const answered = await report(say)
  const times = progress.phases.map(({ title, ms }) => `${title} ${formatDuration(ms)}`)
  say(`\n${times.join(', ')}; all in all ${formatDuration(performance.now() - started)}`)
  return answered ? 0 : 1
}

/** Passes on what steps print; what act says of its own work is for those who write workflows. */
function withoutNoise(write: (text: string) => void): (text: string) => void {
  let rest = ''
  return text => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    const kept = lines.filter(line => /^(\[|Error)/.test(line) && !NOISE.test(line))
    write(kept.map(line => `${line}\n`).join(''))
  }
}

async function report(say: Say): Promise<boolean> {
  const { LAB_HTTP } = await connection()
  const answers = await Promise.all(DOMAINS.map(domain => ask(`${LAB_HTTP}/`, domain)))
  const plain = await ask(`${LAB_HTTP}/`)
  const lines = answers.map(
    ({ status }, index) => `  Host ${DOMAINS[index]}: ${status || 'no answer'}`
  )
  say(`\nthe site at ${LAB_HTTP} answers:\n${lines.join('\n')}`)
  if (!answers.every(({ status }) => status === 200)) {
    say('that is not 200 for each: see the containers with  npm run lab -- ssh docker ps')
    return false
  }
  say(
    plain.status === 200
      ? `\nopen ${LAB_HTTP}/`
      : '\nThe site knows its visitors by the name they ask for, so ask by a name of it:'
  )
  say(
    [
      `  curl -H 'Host: ${DOMAINS[0]}' ${LAB_HTTP}/`,
      '',
      'What to try next:',
      '  npm run lab -- ssh docker ps            what runs on the server',
      '  npm run lab -- ssh ls -la /opt/diveops  what the deploy left there',
      '  npm run try                             deploys again: nothing has changed, nothing restarts',
      "  edit workflows-examples/django-diveops and 'npm run try' once more: a new release",
      '  npm run lab -- down                     removes all of it'
    ].join('\n')
  )
  return true
}
