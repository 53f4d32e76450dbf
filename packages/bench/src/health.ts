import { rm } from 'node:fs/promises'
import { command, quote } from '@diveops/core/base/shell'
import { resetVps, up, vpsExec } from '@diveops/lab'
import { APP, type AppImage, buildImage, checkOut } from './app.ts'
import type { Options } from './benchmark.ts'
import { ourDeploy } from './ours.ts'
import { overSsh } from './remote.ts'
import { median, round } from './statistics.ts'
import { table } from './table.ts'
import { ensureTools } from './tools.ts'

/** Seconds until the app binds its port, beside a health interval of 30 s. */
const BOOTS = [1.5, 4] as const
type Boot = (typeof BOOTS)[number]

const WAYS = ['deploy-vps', 'up -d --wait'] as const
type HealthWay = (typeof WAYS)[number]

/** Milliseconds from really ready to seen, one for each round. */
type Lags = Record<HealthWay, Record<Boot, number[]>>

/**
 * Measures how long after an app is really ready it is known to be: by deploy-vps, whose line must
 * have reached the runner, and by `docker compose up --wait` by SSH. What is really so is told by a
 * probe each 10 ms inside the container.
 */
export async function health({ repeat, say, signal }: Options) {
  ensureTools(say, ['ssh', 'git'])
  await up(say)
  say('the app that runs on the server of the lab, if any, is removed')
  const lags: Lags = { 'deploy-vps': { 1.5: [], 4: [] }, 'up -d --wait': { 1.5: [], 4: [] } }
  try {
    await resetVps()
    const images = [await buildImage('r1'), await buildImage('r2')] as const
    for (const boot of BOOTS) {
      const workspace = await checkOut(signal, definition(boot))
      try {
        for (const image of images) {
          const way = { route: 'direct', strategy: 'recreate', workspace } as const
          await ourDeploy(image, 'live', way, signal)
        }
        for (let turn = 1; turn <= repeat; turn++) {
          const image = images[(turn - 1) % 2] as AppImage
          const ours = await ourLag(image, workspace, signal)
          const theirs = await waitLag(signal)
          lags['deploy-vps'][boot].push(ours)
          lags['up -d --wait'][boot].push(theirs)
          say(`round ${turn}, boots in ${boot} s: deploy-vps ${ours} ms, up -d --wait ${theirs} ms`)
        }
      } finally {
        await rm(workspace, { recursive: true, force: true })
      }
    }
  } finally {
    await resetVps()
  }
  const head = ['ready to seen, ms', ...BOOTS.map(boot => `boots in ${boot} s`)]
  const medians = (way: HealthWay, boot: Boot) => round(median(lags[way][boot]))
  const rows = WAYS.map(way => [way, ...BOOTS.map(boot => String(medians(way, boot)))])
  say(`\n${table(head, rows)}\n`)
  return { bench: 'health', repeat, lagMs: lags }
}

function definition(boot: Boot): string {
  const test = JSON.stringify(['CMD', ...APP.healthTest])
  return `    environment: {BOOT_SECONDS: '${boot}'}
    healthcheck: {test: ${test}, interval: 30s, timeout: 5s}
`
}

async function ourLag(image: AppImage, workspace: string, signal: AbortSignal): Promise<number> {
  let output = ''
  let seenAt = Number.NaN
  const onOutput = (text: string) => {
    if (!Number.isNaN(seenAt)) return
    output += text
    if (output.includes(`the bridge of ${APP.web.service} is healthy`)) seenAt = Date.now()
  }
  const probe = await startProbe('_bridge-')
  await ourDeploy(image, 'live', { route: 'direct', strategy: 'roll', workspace, onOutput }, signal)
  return seenAt - (await probe.readyAt)
}

async function waitLag(signal: AbortSignal): Promise<number> {
  const probe = await startProbe(`^${APP.web.container}$`)
  const words = ['up', '-d', '--wait', '--force-recreate', '--no-deps', APP.web.service]
  const compose = command(['docker', 'compose', '-f', APP.compose, ...words])
  await overSsh(`cd ${APP.path} && ${compose}`, signal)
  const seenAt = Date.now()
  return seenAt - (await probe.readyAt)
}

const PROBE = `import http.client, time
while True:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=1)
        connection.request("GET", "/health/")
        if connection.getresponse().status == 200:
            break
    except OSError:
        pass
    time.sleep(0.01)
print(int(time.time() * 1000))`

/**
 * Waits on the server for a new container of that name, and in it until it answers. All boxes are on
 * this machine and have its clock.
 */
async function startProbe(name: string): Promise<{ readyAt: Promise<number> }> {
  const list = `docker ps -q --no-trunc --filter name=${quote(name)}`
  const { stdout: there } = await vpsExec(list)
  const script = `tries=0; there=${quote(there.trim())}
while :; do
  new=$(${list}); [ -z "$new" ] || [ "$new" = "$there" ] || break
  tries=$((tries + 1)); [ "$tries" -lt 3000 ] || exit 1; sleep 0.01
done
docker exec "$new" python3 -c ${quote(PROBE)}`
  const readyAt = vpsExec(script).then(({ code, stdout, stderr }) => {
    if (code !== 0) throw new Error(`the probe saw no container that answers: ${stderr}`)
    return Number(stdout)
  })
  // Whoever waits for it gets the error; a deploy that fails before says more.
  readyAt.catch(() => {})
  return { readyAt }
}
