import type { Project } from '../app/compose.ts'
import { quote } from '../base/shell.ts'
import type { Front } from '../proxy/front.ts'
import { readFront } from '../proxy/look.ts'
import { type BrokenSwitch, brokenSwitch, LAST_SWITCH } from '../release/journal.ts'
import { type Manifest, parseManifest } from '../release/manifest.ts'
import {
  CERTIFICATES_PROBE,
  type HostCertificate,
  parseRenewal,
  type Renewal,
  readCertificates
} from './certificates.ts'
import { FRONT, FRONT_PROBE } from './front.ts'
import { PLAN_PROBES, type PlanFacts, readPlanFacts, startDryRun } from './planfacts.ts'
import { PROJECT_NAME, resolveConfig, SCRUB, stagePath } from './resolve.ts'
import { joinProbes, type Section } from './sections.ts'

/** A container of the app as the engine has it now. */
export interface Container {
  name: string
  service: string
  imageId: string
  state: string
  health: string
  restarts: number
  configHash: string
}

/** Everything that a deploy needs to know of the host, read in one round trip. */
export interface Facts extends PlanFacts {
  user: string
  groups: string[]
  /** Seconds since the epoch by the host's clock. */
  clock: number
  engine: Section
  compose: Section
  missingTools: string[]
  path: 'writable' | 'creatable' | 'forbidden' | 'not-a-folder'
  /** Free kilobytes where the app's folder and where the engine's images are. */
  freeKb: { path: number; images: number }
  env: { present: Map<string, boolean>; sha256: string } | undefined
  current: Manifest | undefined
  releases: Manifest[]
  /** Names in `releases/` without a release.json that we can read: left by runs that failed. */
  unfinished: string[]
  /** The run that began to make a release live and did not come to an end, if any. */
  broken: BrokenSwitch | undefined
  /** Files of that run's release with their sha256, wherever it came to put them. */
  brokenFiles: Record<string, string>
  /** sha256 of the files of the new release as they are in the app's folder now. */
  liveFiles: Map<string, string>
  config: { project: Project | undefined; error: string }
  containers: Container[]
  missingImages: string[]
  volumes: string[]
  listening: { port: number; program: string }[]
  /** The proxy in the container that publishes port 80 or 443, if it can be asked; `nginx -T` if it is one. */
  front: Front | undefined
  nginx: string | undefined
  memoryKb: { available: number; services: Map<string, number> }
  /** Certificates and keys under `certs/`, by their paths on the host. */
  certificates: Map<string, HostCertificate>
  renewal: Renewal | undefined
}

const CONTAINER_FORMAT = [
  '{{.Name}}',
  '{{index .Config.Labels "com.docker.compose.service"}}',
  '{{.Image}}',
  '{{.State.Status}}',
  '{{if .State.Health}}{{.State.Health.Status}}{{end}}',
  '{{.RestartCount}}',
  '{{index .Config.Labels "com.docker.compose.config-hash"}}',
  '{{index .Config.Labels "com.docker.compose.oneoff"}}'
].join('{{"\\t"}}')

const RELEASES = {
  broken: `cd "$P" && ${LAST_SWITCH}`,
  brokenFiles: `cd "$P/releases" && for r in */; do [ -f "$r/release.json" ] || (cd "$r" && find . -type f -exec sha256sum {} +); done`,
  current: 'cat "$P/current/release.json"',
  releases: `for r in "$P"/releases/*; do [ -d "$r" ] || continue
if [ -f "$r/release.json" ]; then tr -d '\\n' < "$r/release.json"; echo; else echo "unfinished $(basename "$r")"; fi; done`
}

/** The script that reads which releases a host keeps, and which one is live. */
export function releaseProbes(path: string) {
  const probes = joinProbes(RELEASES)
  return {
    script: `P=${quote(path)}\n${probes.script}`,
    read: (stdout: string) => readReleases(probes.read(stdout))
  }
}

/** What is read of a host; `stage` and `compose` are shell expressions, and `files` names the release's. */
export function factScripts(stage: string, compose: string, files: string) {
  return {
    user: 'id -un; id -Gn',
    clock: 'date +%s',
    engine: `docker version --format '{{.Server.Version}}' 2>&1`,
    compose: 'docker compose version --short 2>&1',
    tools:
      'for t in tar gzip awk sed sha256sum timeout flock; do command -v $t >/dev/null || echo $t; done',
    path: `if [ -d "$P" ]; then if [ -w "$P" ] && [ -x "$P" ]; then echo writable; else echo forbidden; fi
elif [ -e "$P" ]; then echo not-a-folder
else d=$P; while [ ! -e "$d" ]; do d=$(dirname "$d"); done
if [ -w "$d" ]; then echo creatable; else echo forbidden; fi; fi`,
    freePath: 'd=$P; while [ ! -e "$d" ]; do d=$(dirname "$d"); done; df -Pk "$d"',
    freeImages: `d=$(docker info -f '{{.DockerRootDir}}'); while [ ! -e "$d" ]; do d=$(dirname "$d"); done; df -Pk "$d"`,
    envNames: String.raw`[ -f "$P/.env" ] && sed -nE "s/^[[:space:]]*(export[[:space:]]+)?([A-Za-z_][A-Za-z0-9_]*)[[:space:]]*=[[:space:]]*(''|\"\")?[[:space:]]*$/\2/p; t; s/^[[:space:]]*(export[[:space:]]+)?([A-Za-z_][A-Za-z0-9_]*)[[:space:]]*=.*/\2=/p" "$P/.env"`,
    envHash: '[ -f "$P/.env" ] && sha256sum "$P/.env"',
    ...RELEASES,
    liveFiles: `cd ${files} && find . -type f | while IFS= read -r f; do [ -f "$P/$f" ] && sha256sum "$P/$f"; done; true`,
    config: resolveConfig(stage, compose),
    configError: 'cat "$SCRATCH/config.err"',
    containers: `ids=$(docker ps -aq --no-trunc --filter "label=com.docker.compose.project=$(project)")
[ -z "$ids" ] || docker inspect --format '${CONTAINER_FORMAT}' $ids`,
    missingImages: `images=$(sed -n 's/^      "image": "\\([^"]*\\)".*/\\1/p' "$SCRATCH/config.json" | sort -u)
[ -z "$images" ] || docker image inspect -f . $images 2>&1 > /dev/null | sed -n 's/.*No such image: //p'`,
    volumes: 'docker volume ls -q',
    listening: `cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4 == "0A" {n = split($2, a, ":"); print a[n]}' | sort -u`,
    published: `docker ps --format '{{.Names}}\\t{{.Label "com.docker.compose.project"}}\\t{{.Ports}}'`,
    programs: `command -v ss >/dev/null && ss -Hltnp | awk '{print $4 "\\t" $6}'`,
    front: FRONT_PROBE,
    available: `awk '/^MemAvailable:/ { print $2 }' /proc/meminfo`,
    memory: `docker ps --filter "label=com.docker.compose.project=$(project)" --format '{{.ID}} {{.Label "com.docker.compose.service"}}' | while read -r id name; do
echo "$name $(docker top "$id" -o pid,rss 2>/dev/null | awk 'NR > 1 { n += $2 } END { print n + 0 }')"; done | awk '{ used[$1] += $2 } END { for (name in used) print name, used[name] }'`,
    certificates: CERTIFICATES_PROBE,
    renewal: 'cat "$P/.diveops/tls.json"',
    ...PLAN_PROBES
  }
}

/**
 * The script that reads all facts; its standard input is the gzipped tar of the release (`stage/<name>/...`)
 * and of what the run hands over in secret (`secret/...`), which are unpacked into `$SCRATCH`. With
 * `kept` the files are those of a release that the host keeps. Nothing outside of `$SCRATCH` is
 * changed.
 */
export function factProbes(path: string, composeFile: string, kept?: string) {
  const stage = stagePath(path)
  const probes = joinProbes(factScripts(stage, quote(composeFile), stage))
  const script = `P=${quote(path)}
tar -xzf - -C "$SCRATCH" || exit 97
${kept === undefined ? '' : `rm -rf ${stage} && mkdir -p "$SCRATCH/stage" && cp -R "$P/releases/"${quote(kept)} ${stage} && rm ${stage}/release.json || exit 97`}
${startDryRun(`${stage}/${quote(composeFile)}`)}${SCRUB}
project() { ${PROJECT_NAME}; }
${FRONT}
${probes.script}`
  return { script, read: (stdout: string) => readFacts(path, probes.read(stdout)) }
}

/** What the probes of a host printed. */
export type Sections = Record<keyof ReturnType<typeof factScripts>, Section>

/** The facts in what the probes printed. */
export function readFacts(path: string, sections: Sections): Facts {
  const text = (name: keyof Sections) => sections[name]?.text ?? ''
  const rows = (name: keyof Sections) => text(name).split('\n').filter(Boolean)
  const project = parseProject(text('config'))
  const [user = '', groups = ''] = text('user').split('\n')
  const front = sections.front?.code === 0 ? readFront(text('front')) : undefined
  const containers = rows('containers').flatMap(container)
  return {
    user,
    groups: groups.split(' '),
    clock: Number(text('clock')),
    engine: sections.engine as Section,
    compose: sections.compose as Section,
    missingTools: rows('tools'),
    path: text('path') as Facts['path'],
    freeKb: { path: freeKb(text('freePath')), images: freeKb(text('freeImages')) },
    env:
      sections.envHash?.code === 0
        ? { present: presentNames(rows('envNames')), sha256: text('envHash').slice(0, 64) }
        : undefined,
    ...readReleases(sections),
    liveFiles: new Map(
      rows('liveFiles').map(row => [row.slice(66).replace(`${path}/./`, ''), row.slice(0, 64)])
    ),
    config: { project, error: text('configError') },
    containers,
    ...readPlanFacts(sections, containers),
    missingImages: rows('missingImages'),
    volumes: rows('volumes'),
    listening: listening(sections, project?.name),
    front,
    nginx: front?.kind === 'nginx' ? front.configuration : undefined,
    memoryKb: { available: Number(text('available')), services: memory(rows('memory')) },
    certificates: readCertificates(text('certificates')),
    renewal: parseRenewal(text('renewal'))
  }
}

function readReleases(sections: Record<keyof typeof RELEASES, Section>) {
  const rows = sections.releases.text.split('\n')
  const files = sections.brokenFiles.text.split('\n').filter(Boolean)
  return {
    broken: brokenSwitch(sections.broken.text),
    brokenFiles: Object.fromEntries(files.map(row => [row.slice(68), row.slice(0, 64)])),
    current: parseManifest(sections.current.text),
    releases: rows.flatMap(row => parseManifest(row) ?? []),
    unfinished: rows.flatMap(row => /^unfinished (.+)/.exec(row)?.[1] ?? [])
  }
}

function parseProject(text: string): Project | undefined {
  try {
    return JSON.parse(text) as Project
  } catch {
    return undefined
  }
}

function presentNames(rows: string[]): Map<string, boolean> {
  return new Map(rows.map(row => [row.replace(/=$/, ''), row.endsWith('=')]))
}

function memory(rows: string[]): Map<string, number> {
  return new Map(rows.map(row => [row.split(' ')[0] as string, Number(row.split(' ')[1])]))
}

function freeKb(df: string): number {
  return Number(df.split('\n').at(-1)?.split(/\s+/)[3] ?? Number.NaN)
}

function container(row: string): Container[] {
  const [
    name = '',
    service = '',
    imageId = '',
    state = '',
    health = '',
    restarts,
    configHash = '',
    oneoff
  ] = row.split('\t')
  if (oneoff === 'True') return []
  return [
    {
      name: name.replace(/^\//, ''),
      service,
      imageId,
      state,
      health,
      restarts: Number(restarts),
      configHash
    }
  ]
}

/** Ports that something else than our own project listens on, with what is known of it. */
function listening(sections: Sections, project: string | undefined): Facts['listening'] {
  const published = (sections.published?.text ?? '').split('\n').map(row => row.split('\t'))
  const ours = new Set(published.filter(row => row[1] === project).flatMap(row => portsOf(row[2])))
  const programs = (sections.programs?.text ?? '').split('\n').map(row => row.split('\t'))
  return (sections.listening?.text ?? '')
    .split('\n')
    .map(hex => Number.parseInt(hex, 16))
    .filter(port => port > 0 && !ours.has(port))
    .map(port => {
      const other = published.find(row => portsOf(row[2]).includes(port))
      const process = programs.find(row => row[0]?.endsWith(`:${port}`))?.[1]
      const name = process && /\(\("([^"]+)"/.exec(process)?.[1]
      return {
        port,
        program: other ? `container '${other[0]}'` : name ? `'${name}'` : 'another program'
      }
    })
}

function portsOf(ports = ''): number[] {
  return [...ports.matchAll(/:(\d+)(?:-(\d+))?->/g)].flatMap(match => {
    const first = Number(match[1])
    const last = Number(match[2] ?? match[1])
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
}
