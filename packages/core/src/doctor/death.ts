import type { Facts } from '../deploy/facts.ts'
import type { Box } from './boxes.ts'

/** Why a container does not run, and what to do when that can be told. */
export interface Why {
  cause: string
  next?: string
}

const CODES: Record<number, string> = {
  0: 'it ends by itself, again and again',
  1: 'the program gave up (exit code 1)',
  2: 'the program was called wrongly or gave up (exit code 2)',
  126: 'its command may not be executed (exit code 126)',
  127: 'its command is not in the image (exit code 127)',
  134: 'the program aborted (exit code 134)',
  137: 'it was killed (exit code 137)',
  139: 'the program crashed (exit code 139, segmentation fault)',
  143: 'it was told to end (exit code 143)'
}

/** Ways in which programs name a variable that they miss; the first group is its name. */
const MISSING_VARIABLE = [
  /KeyError: '([A-Z][A-Z0-9_]{2,})'/,
  /[Ss]et the ([A-Z][A-Z0-9_]{2,}) environment variable/,
  /[Ee]nvironment variables?:? ['"`]?([A-Z][A-Z0-9_]{2,})['"`]?/,
  /\b(?:setting|variable|option) ['"`]?([A-Z][A-Z0-9_]{2,})['"`]? (?:is|was|must)/,
  /\b([A-Z][A-Z0-9]*_[A-Z0-9_]+)\b['"`]? (?:environment variable )?(?:is|was|has to be)? ?(?:not set|unset|missing|required|not defined|undefined|empty)/,
  /\b([A-Z][A-Z0-9_]{2,})\b['"`]? (?:must be set|must not be empty)/,
  /[Mm]issing (?:required )?(?:environment )?(?:variables?|settings?):? ['"`]?([A-Z][A-Z0-9_]{2,})/,
  /must specify ([A-Z][A-Z0-9_]{2,})/
]

/** Why a container ended or does not start, from the engine's words and the end of its log. */
export function whyDead(
  box: Box,
  log: readonly string[],
  env: Facts['env'],
  architectures: { host: string; image: string | undefined }
): Why {
  const last = log.at(-1)
  const ending = last === undefined ? '' : `; its log ends with: ${last}`
  const said = [box.error, ...log].join('\n')
  if (box.oom) {
    return {
      cause: 'it needed more memory than it may have (exit code 137, OOMKilled)',
      next: 'raise its mem_limit in the compose file, or take a larger server'
    }
  }
  const foreign = architectures.image !== undefined && architectures.image !== architectures.host
  if (/exec format error/i.test(said) || (foreign && box.exit !== 0)) {
    return {
      cause: `its image is for ${foreign ? architectures.image : 'another kind of machine'}, this server is ${architectures.host} (exec format error)`,
      next: `build the image with platforms: linux/${architectures.host}`
    }
  }
  if (/port is already allocated|address already in use/.test(box.error)) {
    return {
      cause: `a port that it publishes is used by something else: ${box.error}`,
      next: 'stop that program (sudo ss -ltnp shows it), or change the published port'
    }
  }
  const variable = missingVariable(log)
  if (variable !== undefined) return missing(variable, env)
  if (box.error !== '') return { cause: `the engine could not start it: ${box.error}` }
  const reason = CODES[box.exit] ?? `it ended with exit code ${box.exit}`
  return { cause: `${reason}${ending}` }
}

/** The variable that the end of a log says is missing, if it names one. */
export function missingVariable(log: readonly string[]): string | undefined {
  for (const line of [...log].reverse()) {
    for (const pattern of MISSING_VARIABLE) {
      const name = pattern.exec(line)?.[1]
      if (name !== undefined) return name
    }
  }
  return undefined
}

function missing(name: string, env: Facts['env']): Why {
  const state = env?.present.get(name)
  const where =
    env === undefined
      ? 'there is no .env'
      : state === undefined
        ? 'it is not in .env'
        : state
          ? 'it is in .env, and the service does not get it'
          : 'it is empty in .env'
  return {
    cause: `it misses the variable ${name}; ${where}`,
    next: state
      ? `name it under 'environment' or 'env_file' of the service`
      : `set ${name} by the input 'env' of the next deploy, or in .env on the server`
  }
}
