import type { Section } from '../deploy/sections.ts'
import { linesOf } from './seen.ts'

/** A container of the app, one-off ones included, as the engine tells of it. */
export interface Box {
  name: string
  service: string
  oneoff: boolean
  status: string
  exit: number
  oom: boolean
  restarts: number
  health: string
  /** Why the engine could not start it. */
  error: string
  started: string
  policy: string
  image: string
  imageId: string
  /** What it runs, as the image or the compose file has it. */
  command: string[] | null
  ports: Record<string, { HostIp: string; HostPort: string }[] | null> | null
  mounts: { Type: string; Name?: string; Source: string; Destination: string; RW: boolean }[] | null
}

const FIELDS: Record<keyof Box, string> = {
  name: '{{json .Name}}',
  service: '{{json (index .Config.Labels "com.docker.compose.service")}}',
  oneoff:
    '{{if eq (index .Config.Labels "com.docker.compose.oneoff") "True"}}true{{else}}false{{end}}',
  status: '{{json .State.Status}}',
  exit: '{{.State.ExitCode}}',
  oom: '{{.State.OOMKilled}}',
  restarts: '{{.RestartCount}}',
  health: '{{if .State.Health}}{{json .State.Health.Status}}{{else}}""{{end}}',
  error: '{{json .State.Error}}',
  started: '{{json .State.StartedAt}}',
  policy: '{{json .HostConfig.RestartPolicy.Name}}',
  image: '{{json .Config.Image}}',
  imageId: '{{json .Image}}',
  command: '{{json .Config.Cmd}}',
  ports: '{{json .HostConfig.PortBindings}}',
  mounts: '{{json .Mounts}}'
}

const FORMAT = `{${Object.entries(FIELDS)
  .map(([name, value]) => `"${name}":${value}`)
  .join(',')}}`

/** What the containers are and what those say that are in trouble. */
export const BOX_PROBES = {
  boxes: `ids=$(boxes | cut -d ' ' -f 1); [ -z "$ids" ] || docker inspect -f '${FORMAT}' $ids`,
  words: `boxes | while read -r id name status health code restarts _; do
  case "$status $health $code $restarts" in 'running none '*' 0'|'running healthy '*' 0'|'exited '*' 0 0') continue ;; esac
  echo "@log $name"; quick logs --tail 25 "$id" 2>&1 | shown | sed 's/^/ /'
  [ "$health" != unhealthy ] || { echo "@health $name"; quick inspect -f '{{range .State.Health.Log}}{{println .Output}}{{end}}' "$id" | shown | grep . | tail -n 3 | sed 's/^/ /'; }
done`,
  complaints: `boxes | while read -r id name status _; do
  [ "$status" = running ] || continue
  echo "@log $name"; quick logs --since 2m --tail 300 "$id" 2>&1 | complaints | tail -n 3 | shown | sed 's/^/ /'
done`,
  architectures: `docker version -f '{{.Server.Arch}}'
sed -n 's/^      "image": "\\([^"]*\\)".*/\\1/p' "$SCRATCH/config.json" 2> /dev/null | sort -u | while IFS= read -r name; do
  echo "$name $(docker image inspect -f '{{.Id}} {{.Architecture}}' "$name" 2> /dev/null)"
done`
}

/** The app's containers. */
export function readBoxes(section: Section): Box[] {
  return linesOf(section).flatMap(line => {
    try {
      const box = JSON.parse(line) as Box
      return [{ ...box, name: box.name.replace(/^\//, ''), service: box.service ?? '' }]
    } catch {
      return []
    }
  })
}

/** What containers said, by `@kind NAME` and the lines after it. */
export function readWords({ text }: Section, kind: 'log' | 'health'): Map<string, string[]> {
  return new Map(
    text.split(/^(?=@)/m).flatMap(piece => {
      const [head = '', ...lines] = piece.split('\n')
      const name = head.startsWith(`@${kind} `) ? head.slice(kind.length + 2) : undefined
      const said = lines.filter(line => line.startsWith(' ')).map(line => line.trim())
      return name === undefined ? [] : [[name, said.filter(Boolean)] as const]
    })
  )
}

/** An image that the compose file names: what it is on the host, and for which kind of machine. */
export interface NamedImage {
  id: string | undefined
  architecture: string | undefined
}

/** The architecture of the host's engine, and of the images that the compose file names. */
export function readArchitectures(section: Section): {
  host: string
  images: Map<string, NamedImage>
} {
  const [host = '', ...rows] = linesOf(section)
  const images = rows.map(row => {
    const [name = '', id, architecture] = row.split(' ')
    return [name, { id, architecture }] as const
  })
  return { host, images: new Map(images) }
}
