import { type Project, publishedPorts, service } from '../app/compose.ts'
import type { AppConfig } from '../app/config.ts'
import { errorMessage, UserError } from '../base/errors.ts'
import { didYouMean } from '../base/names.ts'
import type { Facts } from './facts.ts'

/** The oldest compose whose `create` and JSON output this product is tested against. */
const OLDEST_COMPOSE = [2, 20] as const
/** Less free space than this and a deploy could stop the database in the middle. */
const LEAST_FREE_KB = 256 * 1024
const CLOCK_WARNING_S = 60

/** A thing that was looked at: what was found, and what is wrong with it and what to do, if anything. */
export interface Check {
  name: string
  found: string
  problem?: string
  /** What the user is to know although the run goes on. */
  warning?: string
  /** What to do about either. */
  remedy?: string
}

/** A run that ends before it begins, because something that it needs is not there. */
export class Refusal extends UserError {
  override name = 'Refusal'
}

/**
 * Judges the host and the app before anything is changed. The checks come in the order in which
 * causes hide their consequences: without an engine there is no resolved compose file to judge.
 */
export function judgeHost(facts: Facts, config: AppConfig, host: string, now: number): Check[] {
  return [
    judgeEngine(facts, host),
    judgeCompose(facts, host),
    {
      name: 'tools',
      found:
        facts.missingTools.length === 0 ? 'present' : `missing: ${facts.missingTools.join(' ')}`,
      ...problem(
        facts.missingTools.length > 0 && `${host} lacks ${facts.missingTools.join(', ')}`,
        'install the packages tar, gzip, gawk, sed, coreutils and util-linux'
      )
    },
    judgePath(facts, config.path, host),
    judgeSpace('space for files', facts.freeKb.path, config.path, host),
    judgeSpace('space for images', facts.freeKb.images, "Docker's folder", host),
    judgeClock(facts, now),
    judgeConfig(facts, config)
  ]
}

/** Judges what only the resolved compose file tells. Throws for a name that the file does not have. */
export function judgeApp(facts: Facts, config: AppConfig, project: Project, host: string): Check[] {
  for (const one of config.release) service(project, one.service, "diveops.yml: 'release'")
  const { migrations, backup } = config
  if (migrations) service(project, migrations.service, "diveops.yml: 'migrations.service'")
  if (typeof backup === 'object') service(project, backup.service, "diveops.yml: 'backup.service'")
  const wanted = Object.entries(project.services).flatMap(([name, one]) =>
    publishedPorts(one).map(port => ({ name, port }))
  )
  return wanted.map(({ name, port }) => {
    const owner = facts.listening.find(other => other.port === port)
    return {
      name: `port ${port}`,
      found: owner ? `used by ${owner.program}` : 'free or ours',
      ...problem(
        owner &&
          `port ${port} on ${host} is used by ${owner.program}, and service '${name}' publishes it`,
        'stop that program, or change the published port in the compose file'
      )
    }
  })
}

/** What the user is to know although the run goes on, a line each. */
export function warningsOf(checks: readonly Check[]): string[] {
  return checks.flatMap(({ warning, remedy }) => sentence(warning, remedy))
}

/** Throws one line for the first problem; the others follow as details. */
export function refuse(checks: readonly Check[]): void {
  const problems = checks.flatMap(({ problem, remedy }) => sentence(problem, remedy))
  if (problems[0] !== undefined) throw new Refusal(problems[0], problems.slice(1))
}

function sentence(text: string | undefined, remedy: string | undefined): string[] {
  return text === undefined ? [] : [[text, remedy].filter(Boolean).join('; ')]
}

function problem(
  text: string | false | undefined,
  remedy: string | undefined
): Pick<Check, 'problem' | 'remedy'> {
  return text ? { problem: text, ...(remedy && { remedy }) } : {}
}

function judgeEngine({ engine, user }: Facts, host: string): Check {
  if (engine.code === 0) return { name: 'Docker engine', found: engine.text }
  if (/not found/.test(engine.text)) {
    return {
      name: 'Docker engine',
      found: 'none',
      problem: `no Docker engine on ${host} (command 'docker' not found)`,
      remedy: 'install it: https://docs.docker.com/engine/install/'
    }
  }
  if (/permission denied/i.test(engine.text)) {
    return {
      name: 'Docker engine',
      found: 'no permission',
      problem: `user '${user}' may not use the Docker socket on ${host}`,
      remedy: `on the host run: sudo usermod -aG docker ${user}`
    }
  }
  return {
    name: 'Docker engine',
    found: 'no answer',
    problem: `the Docker engine on ${host} does not answer (${errorMessage(engine.text)})`,
    remedy: 'on the host run: sudo systemctl start docker'
  }
}

function judgeCompose({ compose, engine }: Facts, host: string): Check {
  const name = 'Docker compose'
  if (engine.code !== 0) return { name, found: 'not asked' }
  const how =
    'install the package docker-compose-plugin: https://docs.docker.com/compose/install/linux/'
  if (compose.code !== 0) {
    return { name, found: 'none', problem: `no 'docker compose' on ${host}`, remedy: how }
  }
  const [major = 0, minor = 0] = compose.text.replace(/^v/, '').split('.').map(Number)
  const [needMajor, needMinor] = OLDEST_COMPOSE
  const old = major < needMajor || (major === needMajor && minor < needMinor)
  return {
    name,
    found: compose.text,
    ...problem(
      old &&
        `docker compose on ${host} is ${compose.text}, expected ${OLDEST_COMPOSE.join('.')} or newer`,
      how
    )
  }
}

function judgePath({ path, user }: Facts, folder: string, host: string): Check {
  const problems: Partial<Record<Facts['path'], ReturnType<typeof problem>>> = {
    forbidden: problem(
      `user '${user}' may not write to ${folder} on ${host}`,
      `on the host run: sudo install -d -o ${user} ${folder}`
    ),
    'not-a-folder': problem(
      `${folder} on ${host} is not a folder`,
      "set 'path' in diveops.yml, or move that file away"
    )
  }
  return { name: 'folder', found: `${folder}: ${path}`, ...problems[path] }
}

function judgeSpace(name: string, freeKb: number, where: string, host: string): Check {
  const found = `${Math.round(freeKb / 1024)} MB free`
  const little = freeKb < LEAST_FREE_KB
  return {
    name,
    found,
    ...problem(
      little && `only ${found} for ${where} on ${host}, expected ${LEAST_FREE_KB / 1024} MB`,
      'free some space first (docker system df shows what takes it)'
    )
  }
}

function judgeClock({ clock }: Facts, now: number): Check {
  const off = Math.round(Math.abs(clock - now / 1000))
  if (off <= CLOCK_WARNING_S) return { name: 'clock', found: 'right' }
  return {
    name: 'clock',
    found: `off by ${off} s`,
    warning: `the clock of the host is off by ${off} s`,
    remedy: 'set it there: sudo timedatectl set-ntp true'
  }
}

function judgeConfig({ config: { project, error } }: Facts, { compose }: AppConfig): Check {
  if (project)
    return { name: 'compose file', found: `${Object.keys(project.services).length} services` }
  return {
    name: 'compose file',
    found: 'refused by compose',
    ...composeComplaint(error, compose)
  }
}

/** Compose's own words without its noise: log prefixes and the staging folder. */
function composeComplaint(error: string, file: string): Pick<Check, 'problem' | 'remedy'> {
  const variable = /required variable (\S+) is missing a value:?\s*(.*)/.exec(error)
  if (variable) {
    return problem(
      `compose file '${file}': variable '${variable[1]}' is required and not set (${variable[2]})`,
      "give it in the input 'env' or in the host's .env"
    )
  }
  const lines = error
    .split('\n')
    .filter(line => !/level=warning|^time=/.test(line) || /level=(error|fatal)/.test(line))
    .map(line => line.replace(/\S*\/stage\/[^/\s]+\//g, ''))
  const complaint = errorMessage(lines.join('\n')) || 'cannot be resolved'
  return { problem: `compose file '${file}': ${complaint}` }
}

/** The repository of the image must be used by a service, or the deploy would change nothing. */
export function refuseForeignImage(
  project: Project,
  repository: string,
  built: readonly string[]
): void {
  if (built.length > 0) return
  const images = Object.values(project.services).flatMap(({ image }) => image ?? [])
  throw new UserError(
    `input 'image': no service of the compose file runs '${repository}'${didYouMean(repository, images)}; ` +
      `its images are ${[...new Set(images)].join(', ') || 'none'}; ` +
      `the service that is the app needs 'image: ${repository}:latest'`
  )
}
