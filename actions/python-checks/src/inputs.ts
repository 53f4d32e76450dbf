import { existsSync } from 'node:fs'
import path from 'node:path'
import { lines, optional } from '@diveops/core/action/inputs'
import { UserError } from '@diveops/core/base/errors'
import { list } from '@diveops/core/base/names'

/** What every step needs to know. */
export interface Inputs {
  /** The project's folder, absolute. */
  directory: string
  /** The Python command that makes the virtual environment. */
  python: string
  /** Requirements files, relative to the folder. */
  requirements: string[]
  /** The virtual environment; empty before it is made. */
  venv: string
}

const USUAL = [
  'requirements/dev.txt',
  'requirements/test.txt',
  'requirements-dev.txt',
  'requirements.txt'
]

/** Reads what action.yml hands to its steps. */
export function read(): Inputs {
  const written = optional('directory') ?? '.'
  const directory = path.resolve(written)
  if (!existsSync(directory)) {
    throw new UserError(
      `input 'working-directory': got '${written}', expected a folder of the checkout; ` +
        'does actions/checkout run before?'
    )
  }
  return {
    directory,
    python: optional('python') ?? 'python3',
    requirements: requirements(directory),
    venv: optional('venv') ?? ''
  }
}

function requirements(directory: string): string[] {
  const there = (file: string) => existsSync(path.join(directory, file))
  const written = lines('requirements')
  const missing = written.find(file => !there(file))
  if (missing !== undefined) {
    throw new UserError(`input 'requirements': there is no file '${missing}' in ${directory}`)
  }
  if (written.length > 0) return written
  const found = USUAL.find(there)
  if (found) return [found]
  throw new UserError(`no requirements: there is none of ${list(USUAL)}; set input 'requirements'`)
}
