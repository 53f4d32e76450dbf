import { errorMessage } from '../base/errors.ts'
import { type Row, rowsOf } from '../deploy/row.ts'
import { differences, keptTarget, type Target } from '../deploy/target.ts'
import { keptImage } from '../release/identity.ts'
import type { Manifest } from '../release/manifest.ts'
import { type BOX_PROBES, readArchitectures, readBoxes } from './boxes.ts'
import { composeCommand, linesOf, type Seen } from './seen.ts'

/** What is live beside what the release says, and what interrupted runs left. */
export const DRIFT_PROBES = {
  kept: `docker image ls --filter 'reference=diveops.local/*/*' --format '{{.Repository}}:{{.Tag}}'`,
  // The proxy has each pin of a roll; it is the one that must.
  pins: `box=$(front); [ -z "$box" ] || quick exec "$box" grep -F ' # roll of ' /etc/hosts 2> /dev/null | sed "s/^.* # roll of /$(boxes | grep "^$box" | cut -d ' ' -f 2) /"`,
  underWay: `cd "$P/.diveops" 2> /dev/null || exit 0
for file in lock job; do
  [ ! -r "$file" ] || flock -ns "$file" true || echo "$file"
done
exit 0`,
  undo: '[ -f "$P/.diveops/env.undo" ]'
}

type DriftSeen = Seen<keyof typeof DRIFT_PROBES | keyof typeof BOX_PROBES>

const { ok, hint, warning, error } = rowsOf('release')

const AGAIN = 'run the deploy again: what differs is then put right, or becomes part of a release'

/**
 * Rows of the live release: what differs from it on the host, what was left, and the way back. `run`
 * is the run that asks, if one does: what it does itself is no news to it.
 */
export function driftRows(seen: DriftSeen, run: string | undefined): Row[] {
  const { current } = seen.facts
  const busy = linesOf(seen.sections.underWay).some(file => file !== 'lock' || run === undefined)
  const strangers = strangerRows(seen, busy)
  if (!current) {
    return [
      hint('live release', 'none recorded', {
        cause: 'this app runs without a release of ours, or not at all',
        next: 'deploy it once'
      }),
      ...strangers
    ]
  }
  return [
    ok('live release', `${current.id} of ${current.created.slice(0, 10)}`),
    ...differenceRows(seen, current),
    ...composeRows(seen),
    ...tagRows(seen, current),
    ...strangers,
    ...(busy ? [] : leftRows(seen, run)),
    wayBackRow(seen, current)
  ]
}

function differenceRows(seen: DriftSeen, current: Manifest): Row[] {
  const { facts, project } = seen
  if (!project) return []
  let target: Target
  try {
    target = keptTarget(current, project, facts, current.files, 'as-it-was')
  } catch (thrown) {
    return [error('live release', 'cannot be compared', { cause: errorMessage(thrown) })]
  }
  const found = differences(target, facts)
  const rows = found.flatMap(text => differenceRow(seen, current, text))
  return rows.length > 0 ? rows : [ok('what is live', 'what the release says')]
}

/** Services are told by their containers; what differs in them is in the other rows. */
function differenceRow(seen: DriftSeen, current: Manifest, text: string): Row[] {
  const file = /^file: (.+)$/.exec(text)?.[1]
  if (file !== undefined) {
    if (isOfPair(file, seen, current)) return []
    const there = seen.facts.liveFiles.has(file)
    return [
      warning(file, there ? 'edited on the host' : 'gone from the host', {
        cause: there ? 'the next deploy overwrites it' : 'the release has this file',
        next: `diff ${seen.config.path}/current/${file} ${seen.config.path}/${file}; put the change into the repository and deploy`
      })
    ]
  }
  if (text.startsWith('.env was edited')) {
    return [
      warning('.env', 'edited on the host since the release went live', {
        cause: 'containers get it when they are made anew, and not before',
        next: `diff ${seen.config.path}/.diveops/env/${current.env.sha256} ${seen.config.path}/.env; then ${AGAIN}`
      })
    ]
  }
  const service = /^service: (\S+) does not run this image$/.exec(text)?.[1]
  if (service === undefined) return []
  const other = seen.facts.containers.find(
    one => one.service === service && one.imageId !== current.imageId
  )
  if (!other) return []
  return [
    warning(
      service,
      `runs image ${short(other.imageId)}, not ${short(current.imageId)} of the release`,
      {
        cause: 'somebody has pulled or tagged another image, and made the container anew',
        next: AGAIN
      }
    )
  ]
}

/** Whether a file is one of its pair, as the release has them; which one is to serve is said of the certificates. */
function isOfPair(file: string, { facts }: DriftSeen, { pairs, files }: Manifest): boolean {
  const pair = pairs.find(({ https }) => https === file)
  const there = facts.liveFiles.get(file)
  return [pair?.https, pair?.http].some(
    path => path !== undefined && there !== undefined && files[path] === there
  )
}

/** What a plain `up -d` of an operator would do. */
function composeRows({ facts: { recreates } }: DriftSeen): Row[] {
  if (recreates.size === 0) return []
  return [
    warning('up -d', `would make ${[...recreates].join(', ')} anew`, {
      cause: 'the compose file, .env or an image was changed since these containers were started',
      next: AGAIN
    })
  ]
}

function tagRows(seen: DriftSeen, current: Manifest): Row[] {
  const { images } = readArchitectures(seen.sections.architectures)
  return current.services.flatMap(service => {
    const name = seen.project?.services[service]?.image
    const id = name === undefined ? undefined : images.get(name)?.id
    if (name === undefined || id === undefined || id === current.imageId) return []
    return [
      warning(name, `is another image than that of the release (${short(id)})`, {
        cause: `somebody has pulled it; the next up -d would put it live without its release commands`,
        next: AGAIN
      })
    ]
  })
}

/** Containers that no service has, and bridges and pins, which are there for the length of a roll. */
function strangerRows(seen: DriftSeen, busy: boolean): Row[] {
  const boxes = readBoxes(seen.sections.boxes)
  const services = Object.keys(seen.project?.services ?? {})
  const extra = boxes.filter(
    ({ oneoff, service }) => !oneoff && seen.project && !services.includes(service)
  )
  const bridges = boxes.filter(({ oneoff, name }) => oneoff && name.includes('_bridge-'))
  const pins = linesOf(seen.sections.pins).map(line => line.split(' '))
  const left =
    'an interrupted roll left it; the next deploy or rollback finishes or undoes that roll'
  return [
    ...extra.map(({ name, service }) =>
      warning(name, `a container of service '${service}', which the compose file does not have`, {
        cause: 'a service was renamed or removed, and its container stayed',
        next: composeCommand(seen, `up -d --remove-orphans, or docker rm -f ${name}`)
      })
    ),
    ...(busy ? [hint('run', 'a deploy or another run is under way')] : []),
    ...(busy ? [] : bridges).map(({ name, status }) =>
      warning(name, `a bridge, ${status}`, { cause: left, next: 'run the deploy again' })
    ),
    ...(busy ? [] : pins).map(([name = '', service]) =>
      warning(name, `a pin for '${service}' in its /etc/hosts`, {
        cause: left,
        next: 'run the deploy again'
      })
    )
  ]
}

function leftRows({ facts, sections }: DriftSeen, run: string | undefined): Row[] {
  const { broken } = facts
  return [
    ...(broken && broken.run !== run
      ? [
          warning('run', `a ${broken.action} of release ${broken.release} broke off half-way`, {
            cause: `what serves may be of either release (${broken.url} by ${broken.actor}, ${broken.at})`,
            next: 'run the deploy or the rollback again: it finishes that one or undoes it'
          })
        ]
      : []),
    ...(sections.undo.code === 0
      ? [
          warning('.env', 'has what an interrupted run wrote', {
            cause: 'that run ended before its release was live',
            next: 'run the deploy again'
          })
        ]
      : []),
    ...(facts.unfinished.length > 0
      ? [
          hint('unfinished releases', facts.unfinished.join(', '), {
            cause: 'runs that failed left them; the next deploy removes them'
          })
        ]
      : [])
  ]
}

function wayBackRow({ facts, sections }: DriftSeen, current: Manifest): Row {
  const images = new Set(linesOf(sections.kept))
  const older = facts.releases.filter(({ id }) => id < current.id)
  const whole = older.filter(({ id, app, services }) =>
    services.every(service => images.has(keptImage(app, service, id)))
  )
  if (older.length === 0) {
    const newer = facts.releases.map(({ id }) => id).filter(id => id > current.id)
    return hint('way back', 'no earlier release', {
      ...(newer.length === 0
        ? { cause: 'there is one from the second deploy on' }
        : {
            cause: `newer ones are kept: ${newer.join(', ')}`,
            next: "give the rollback one of them as 'release'"
          })
    })
  }
  if (whole.length > 0) {
    const newest = whole
      .map(({ id }) => id)
      .sort()
      .at(-1)
    return ok(
      'way back',
      `${whole.length} of ${older.length} earlier releases, the newest ${newest}`
    )
  }
  return warning(
    'way back',
    `${older.length} earlier releases, and no image of them is on the host`,
    {
      cause: 'somebody has removed the images; a rollback must pull one again',
      next: "give the rollback 'registry-token'"
    }
  )
}

function short(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, 12)
}
