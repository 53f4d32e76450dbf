import { type Row, rowsOf } from '../deploy/row.ts'
import { type BOX_PROBES, type Box, readBoxes, readWords } from './boxes.ts'
import { complaintRows } from './complaints.ts'
import { composeCommand, linesOf, type Seen } from './seen.ts'

/** Whether each PostgreSQL answers, and which version its image and its data are of. */
export const DATABASE_PROBES = {
  databases: `boxes | while read -r id name status _ _ _ _ what; do
  case $what in *postgres*|*postgis*|*pgvector*|*timescale*) ;; *) continue ;; esac
  # The image also serves as client, for backups and the like.
  case \${what##*@cmd } in '["postgres"'*|'["-'*|null|'[]') ;; *) continue ;; esac
  echo "@db $name $status"
  sed -n "s/^$name PG_MAJOR=/@image /p" "$SCRATCH/env"
  data=$(sed -n "s/^$name PGDATA=//p" "$SCRATCH/env")
  quick cp "$id:\${data:-/var/lib/postgresql/data}/PG_VERSION" - 2> /dev/null | tar -xOf - 2> /dev/null | sed 's/^/@volume /'
  if [ "$status" = running ]; then quick exec "$id" pg_isready -t 3 > /dev/null 2>&1; echo "@ready $?"; fi
done`
}

type DatabaseSeen = Seen<keyof typeof DATABASE_PROBES | keyof typeof BOX_PROBES>

const { ok, error } = rowsOf('database')

/** Ports of services that hold data and that nobody outside should reach. */
const DATA_PORTS: Record<string, string> = {
  '3306': 'MySQL',
  '5432': 'PostgreSQL',
  '6379': 'Redis',
  '9200': 'Elasticsearch',
  '11211': 'memcached',
  '27017': 'MongoDB'
}

/** Rows of the databases: whether they answer, what clients complain of, who can reach them. */
export function databaseRows(seen: DatabaseSeen): Row[] {
  const boxes = readBoxes(seen.sections.boxes).filter(({ oneoff }) => !oneoff)
  const databases = readDatabases(linesOf(seen.sections.databases))
  return [
    ...databases.flatMap(one => {
      const box = boxes.find(({ name }) => name === one.name)
      return box ? serverRow(seen, one, box.service) : []
    }),
    ...complaintRows(seen, boxes),
    ...boxes.flatMap(box => publishedRows(seen, box))
  ]
}

interface Database {
  name: string
  status: string
  /** Exit code of pg_isready; undefined when it was not asked. */
  ready: number | undefined
  /** Major version that the data is of, and that of the image. */
  volume: string | undefined
  image: string | undefined
}

function readDatabases(lines: readonly string[]): Database[] {
  const found: Database[] = []
  for (const line of lines) {
    const [kind = '', a = '', b = ''] = line.split(' ')
    const one = found.at(-1)
    if (kind === '@db') {
      found.push({ name: a, status: b, ready: undefined, volume: undefined, image: undefined })
    } else if (one && kind === '@ready') one.ready = Number(a)
    else if (one && kind === '@volume') one.volume = a
    else if (one && kind === '@image') one.image = a
  }
  return found
}

function serverRow(
  seen: DatabaseSeen,
  { name, status, ready, ...versions }: Database,
  service: string
): Row {
  const log = (readWords(seen.sections.words, 'log').get(name) ?? []).join('\n')
  const said =
    /initialized by PostgreSQL version (\d+).*?not compatible with this version (\d+)/s.exec(log)
  const volume = said?.[1] ?? versions.volume
  const image = said?.[2] ?? versions.image
  const next = composeCommand(seen, `logs --tail 50 ${service}`)
  if (volume !== undefined && image !== undefined && volume !== image) {
    return error(service, `its data is of PostgreSQL ${volume}, its image is PostgreSQL ${image}`, {
      cause: 'a PostgreSQL does not open the data of another major version',
      next: `name postgres:${volume} again in ${seen.compose.file}; to change the major, dump with ${volume} and restore into a new volume`
    })
  }
  const version = volume === undefined ? '' : `, PostgreSQL ${volume}`
  if (status !== 'running') {
    return error(service, `not running (${status})${version}`, {
      cause: 'nothing can connect to it',
      next
    })
  }
  if (ready === 0) return ok(service, `accepts connections${version}`)
  return error(service, `does not accept connections${version}`, {
    cause:
      ready === 1
        ? 'it refuses them: it starts, stops or recovers'
        : 'it runs and does not answer pg_isready',
    next
  })
}

/** Ports of databases that are open on every address of the host. */
function publishedRows(seen: Seen, { service, ports }: Box): Row[] {
  return Object.entries(ports ?? {}).flatMap(([inside, bindings]) => {
    const kind = DATA_PORTS[inside.split('/')[0] as string]
    const open = (bindings ?? []).find(({ HostIp }) => ['', '0.0.0.0', '::'].includes(HostIp))
    if (kind === undefined || !open) return []
    return [
      error(`port of ${service}`, `${kind} is open to all on port ${open.HostPort}`, {
        cause:
          'it is published on every address of the host, and firewalls such as ufw do not stop what Docker publishes',
        next: `remove 'ports' of service '${service}' in ${seen.compose.file} (other services reach it without), or write '127.0.0.1:${open.HostPort}:${inside.split('/')[0]}'`
      })
    ]
  })
}
