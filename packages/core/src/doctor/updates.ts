import { quote } from '../base/shell.ts'
import { type Row, rowsOf } from '../deploy/row.ts'
import { type Host, mustRun } from '../ssh/host.ts'
import { composeCommand, type Seen } from './seen.ts'

const { ok, hint, warning } = rowsOf('updates')

/** A tag, and no digest, of a name that needs no quoting in a URL. */
const MOVING = /^[\w./-]+(:\d+\/[\w./-]+)?(:[\w.-]+)?$/

/** A public image that services run: its name in the compose file, and which build of it runs. */
export interface RunningImage {
  name: string
  id: string
  services: string[]
}

/**
 * Images that others build, run under a tag that can move to a newer build. Those of the app itself
 * are what the last deploy has pulled.
 */
export function movingImages({ project, facts }: Pick<Seen, 'project' | 'facts'>): RunningImage[] {
  const found = new Map<string, RunningImage>()
  for (const [service, { image = '', build }] of Object.entries(project?.services ?? {})) {
    const id = facts.containers.find(one => one.service === service)?.imageId
    const ours = build !== undefined || facts.current?.services.includes(service)
    if (ours || id === undefined || !MOVING.test(image)) continue
    const known = found.get(`${image} ${id}`)
    if (known) known.services.push(service)
    else found.set(`${image} ${id}`, { name: image, id, services: [service] })
  }
  return [...found.values()]
}

/**
 * The script that asks the registries for the digests of images, by the host's engine, which knows
 * mirrors and pulls nothing for it. Prints a line for each: digests of the build that runs, with
 * commas, and the registry's, `-` for unknown.
 */
export function updatesScript(images: readonly RunningImage[]): string {
  return `socket=$(docker context inspect -f '{{.Endpoints.docker.Host}}' 2> /dev/null); socket=\${socket#unix://}
engine() { # PATH: what the engine's API answers; docker itself has no command for this
  if command -v curl > /dev/null; then curl -s --max-time 20 --unix-socket "$socket" "http://engine$1"
  else timeout 20 perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new($ARGV[0]) or exit 1; print $s "GET $ARGV[1] HTTP/1.0\\r\\n\\r\\n"; print <$s>' "$socket" "$1"; fi 2> /dev/null; }
ask() { # NUMBER NAME ID
  have=$(docker image inspect -f '{{range .RepoDigests}}{{println .}}{{end}}' "$3" 2> /dev/null | sed -n 's/.*@//p' | tr '\\n' ',')
  now=$(engine "/distribution/$2/json" | sed -n 's/.*"Descriptor":{[^}]*"digest":"\\([^"]*\\)".*/\\1/p')
  echo "$1 \${have:--} \${now:--}"; }
${images.map(({ name, id }, index) => `ask ${index} ${quote(name)} ${quote(id)} &`).join('\n')}
wait`
}

/** Asks the registries for newer builds of what runs, and returns the rows of what they have. */
export async function askForUpdates(host: Host, seen: Seen): Promise<Row[]> {
  const images = movingImages(seen)
  if (images.length === 0) return []
  const { stdout } = await mustRun(host, 'asking the registries', updatesScript(images))
  return updateRows(seen, images, stdout)
}

/** Rows of images, as the script found them: those of which a registry has a newer build are red. */
export function updateRows(
  seen: Pick<Seen, 'config' | 'compose'>,
  images: readonly RunningImage[],
  stdout: string
): Row[] {
  const lines = stdout.split('\n').map(line => line.split(' '))
  const command = (words: string) => composeCommand(seen, words)
  return images.map(({ name, services }, index) => {
    const [, have = '-', now = '-'] = lines.find(([number]) => number === String(index)) ?? []
    const users = services.join(' ')
    if (now === '-' || have === '-') {
      return hint(name, 'unknown', { cause: 'the registry did not tell which build is the newest' })
    }
    if (have.split(',').includes(now)) return ok(name, 'the newest build')
    return warning(name, 'the registry has a newer build', {
      cause: `${services.join(', ')} runs without what was mended since`,
      next: `${command(`pull ${users}`)}, then, when a short gap is well, ${command(`up -d ${users}`)}`
    })
  })
}
