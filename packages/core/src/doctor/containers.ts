import { type Row, rowsOf } from '../deploy/row.ts'
import { isOneShot } from '../deploy/target.ts'
import { type BOX_PROBES, type Box, readArchitectures, readBoxes, readWords } from './boxes.ts'
import { whyDead } from './death.ts'
import { composeCommand, type Seen } from './seen.ts'

type ContainerSeen = Seen<keyof typeof BOX_PROBES>

const { ok, warning, error, check } = rowsOf('containers')

/** A container that restarted and has not run for so long is taken to restart in a loop. */
const STEADY_MS = 5 * 60_000
const LOG_LINES = 8

/** Rows of the compose file, its images, and of each container that should run. */
export function containerRows(seen: ContainerSeen): Row[] {
  const boxes = readBoxes(seen.sections.boxes).filter(({ oneoff }) => !oneoff)
  const services = Object.keys(seen.project?.services ?? {})
  const known = services.flatMap(name => {
    const own = boxes.filter(({ service }) => service === name)
    return own.length === 0 ? absentRows(seen, name) : own.map(box => boxRow(seen, box))
  })
  // Without a compose file that can be read, what runs is all that is known.
  const rest = seen.project ? [] : boxes.map(box => boxRow(seen, box))
  return [...imageRows(seen, boxes), ...known, ...rest]
}

/** The row of the compose file, as the preflight of a deploy judges it. */
export function composeRow(seen: Seen, judged: Parameters<typeof check>[0]): Row {
  return {
    ...check(judged),
    ...(judged.problem && !judged.remedy && { next: composeCommand(seen, 'config -q') })
  }
}

function imageRows(seen: ContainerSeen, boxes: readonly Box[]): Row[] {
  const { missingImages } = seen.facts
  if (missingImages.length === 0) return []
  return missingImages.map(image => {
    const users = Object.entries(seen.project?.services ?? {})
      .filter(([, one]) => one.image === image)
      .map(([name]) => name)
    const running = users.filter(name =>
      boxes.some(({ service, status }) => service === name && status === 'running')
    )
    const make = running.length === users.length ? warning : error
    return make('image', `${image} is not on the host`, {
      cause:
        running.length === users.length
          ? `${users.join(', ')} still runs, and could not be started again without the registry`
          : `${users.filter(name => !running.includes(name)).join(', ')} cannot start without it`,
      next: composeCommand(seen, `pull ${users.join(' ')}`)
    })
  })
}

function absentRows(seen: ContainerSeen, name: string): Row[] {
  const { project } = seen
  const one = project?.services[name] as { deploy?: { replicas?: number } } | undefined
  const replicas = one?.deploy?.replicas
  if (replicas === 0) return []
  return [
    error(name, 'no container', {
      cause: `service '${name}' of the compose file was never started or was removed`,
      next: composeCommand(seen, `up -d ${name}`)
    })
  ]
}

function boxRow(seen: ContainerSeen, box: Box): Row {
  const { name, service, status, exit, restarts, started, policy } = box
  const title = name === service ? name : `${service} (${name})`
  const age = seen.facts.clock * 1000 - Date.parse(started)
  if (status === 'restarting' || (status === 'running' && restarts > 0 && age < STEADY_MS)) {
    return deadRow(seen, box, title, `restarts in a loop (${restarts} times so far)`)
  }
  if (status === 'running') return runningRow(seen, box, title)
  if (status === 'paused') {
    return error(title, 'paused', {
      cause: 'somebody has paused it; it holds requests and answers none',
      next: composeCommand(seen, `unpause ${service}`)
    })
  }
  if (status !== 'exited' || exit !== 0) {
    const found = status === 'created' ? 'made and never started' : `ended with exit code ${exit}`
    return deadRow(seen, box, title, found)
  }
  const once = ['', 'no'].includes(policy) || (seen.project && isOneShot(seen.project, service))
  if (once) return ok(title, 'has done its work')
  return error(title, 'stopped', {
    cause: 'it ended without an error, or somebody has stopped it',
    next: composeCommand(seen, `up -d ${service}`)
  })
}

function deadRow(seen: ContainerSeen, box: Box, title: string, found: string): Row {
  const log = readWords(seen.sections.words, 'log').get(box.name) ?? []
  const { host, images } = readArchitectures(seen.sections.architectures)
  const image = images.get(box.image)?.architecture
  const { cause, next = logsCommand(seen, box) } = whyDead(box, log, seen.facts.env, {
    host,
    image
  })
  return error(title, found, { cause, next, details: log.slice(-LOG_LINES) })
}

function runningRow(seen: ContainerSeen, box: Box, title: string): Row {
  const { name, health } = box
  if (health === 'unhealthy') {
    const said = readWords(seen.sections.words, 'health').get(name) ?? []
    const log = readWords(seen.sections.words, 'log').get(name) ?? []
    return error(title, 'runs and is unhealthy', {
      cause: `its health test fails${said.length > 0 ? `: ${said.at(-1)}` : ''}`,
      next: logsCommand(seen, box),
      details: [...said.map(line => `health test: ${line}`), ...log.slice(-LOG_LINES)]
    })
  }
  if (health === 'starting') {
    return warning(title, 'runs, and its health is not known yet', { next: logsCommand(seen, box) })
  }
  return ok(title, health === '' ? 'runs' : `runs, ${health}`)
}

function logsCommand(seen: Seen, { service }: Box): string {
  return composeCommand(seen, `logs --tail 50 ${service}`)
}
