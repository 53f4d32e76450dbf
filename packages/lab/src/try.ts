import { readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { formatDuration } from '@diveops/core/base/time'
import { root } from './acme.ts'
import { act } from './act.ts'
import { connection } from './connection.ts'
import { state } from './place.ts'
import { Progress, type Say } from './progress.ts'
import { assembleExample } from './repository.ts'
import { up } from './up.ts'

const NOISE = /LocalRepositoryCache|\] +⚙ |\] +❓ |Cleaning up container|\| *$/
const RUNS = [
  { file: 'deploy.yml', event: 'push', what: 'after a push to main' },
  { file: 'setup-ssl.yml', event: 'workflow_dispatch', what: 'when it is started by hand' }
]
const DOMAINS = ['happydiving.mx', 'buceofeliz.com']

/**
 * Shows the main job to a newcomer: starts the lab, runs deploy.yml of the example in it as a push
 * to main would, then setup-ssl.yml as a person would, and says where the site is. Returns the exit
 * code.
 */
export async function tryOut(say: Say, write: (text: string) => void): Promise<number> {
  const started = performance.now()
  const progress = new Progress(say)
  await progress.phase('lab', () => up(say))
  const folder = await assembleExample(RUNS.map(({ file }) => file))
  try {
    for (const { file, event, what } of RUNS) {
      say(`\nrunning ${file} of the example, as GitHub would ${what}:\n`)
      const words = [event, '--workflows', `.github/workflows/${file}`]
      const onOutput = withoutNoise(write)
      const { code } = await progress.phase(file, () => act(folder, words, { onOutput }))
      if (code !== 0) {
        say(`${file} failed with code ${code}: its reason stands above`)
        return code
      }
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
  const { LAB_HTTPS } = await connection()
  const rootFile = state('root.pem')
  await writeFile(rootFile, await root('production'))
  const port = new URL(LAB_HTTPS).port
  const answers = await Promise.all(
    DOMAINS.map(async domain => ({ domain, status: await visit(domain, port, rootFile) }))
  )
  say('\nthe site answers:')
  for (const { domain, status } of answers) say(`  https://${domain}/: ${status}`)
  if (!answers.every(({ status }) => status === 200)) {
    say('that is not 200 for each: see the containers with  npm run lab -- ssh docker ps')
    return false
  }
  const [domain] = DOMAINS
  say(
    [
      '',
      `open https://${domain}:${port}/, which is the server's port 443:`,
      `  curl --resolve ${domain}:${port}:127.0.0.1 --cacert ${rootFile} https://${domain}:${port}/`,
      '',
      `In a browser: import ${rootFile}`,
      '  as an authority (settings, certificates, authorities; another one after each start of the lab), and',
      `  let the names lead here: a line '127.0.0.1 ${DOMAINS.join(' ')}' in /etc/hosts, or for Chromium`,
      `  chromium --user-data-dir=/tmp/lab --host-resolver-rules="MAP * 127.0.0.1" https://${domain}:${port}/`,
      '',
      'What to try next:',
      '  npm run lab -- ssh docker ps            what runs on the server',
      '  npm run lab -- ssh ls -la /opt/diveops  what the runs left there',
      '  npm run lab -- ssh crontab -l           what renews the certificates',
      '  npm run try                             both again: nothing has changed, nothing restarts',
      "  edit workflows-examples/django-diveops and 'npm run try' once more: a new release",
      '  npm run lab -- down                     removes all of it'
    ].join('\n')
  )
  return true
}

/** Status of a domain's first page over HTTPS, verified against the lab's authority; or what was wrong. */
function visit(domain: string, port: string, rootFile: string): Promise<number | string> {
  return new Promise(resolve => {
    const asked = request(
      `https://127.0.0.1:${port}/`,
      {
        ca: readFileSync(rootFile),
        servername: domain,
        headers: { host: domain },
        timeout: 10_000
      },
      answer => {
        answer.resume()
        resolve(answer.statusCode ?? 0)
      }
    )
    asked.on('timeout', () => asked.destroy(new Error('no answer in 10 s')))
    asked.on('error', error => resolve(error.message))
    asked.end()
  })
}
