import { existsSync } from 'node:fs'
import path from 'node:path'
import {
  badInput,
  flag,
  lines,
  optional,
  pairs,
  refuseUnknown,
  secret
} from '@diveops/core/action/inputs'
import { UserError } from '@diveops/core/base/errors'
import type { BuildSecret, Cache } from '@diveops/core/docker/buildx'
import { isTag, nameOf, parseReference } from '@diveops/core/docker/reference'

/** What the step was asked for. */
export interface Inputs {
  context: string
  file: string | undefined
  target: string | undefined
  /** Registry and repository. */
  name: string
  registry: string
  /** Empty: the default ones, which need to know the commit. */
  tags: string[]
  platforms: string[]
  buildArgs: [string, string][]
  secrets: BuildSecret[]
  push: boolean
  cache: Cache
  user: string
  token: string | undefined
}

/** The names of all inputs, as in action.yml. */
export const NAMES = [
  'context',
  'file',
  'target',
  'image',
  'tags',
  'platforms',
  'build-args',
  'secrets',
  'push',
  'cache',
  'registry-user',
  'registry-token'
] as const

/** Reads and checks every input. */
export function read(env = process.env): Inputs {
  refuseUnknown(NAMES)
  const reference = readImage(env)
  const context = readContext()
  return {
    context,
    file: readFile(context),
    target: optional('target'),
    name: nameOf(reference),
    registry: reference.registry,
    tags: words('tags', isTag, "tags such as 'latest' or '1.4.2'"),
    platforms: words('platforms', isPlatform, "platforms such as 'linux/amd64,linux/arm64'"),
    buildArgs: pairs('build-args'),
    secrets: readSecrets(env),
    push: flag('push', true),
    cache: readCache(env),
    user: optional('registry-user') ?? env.GITHUB_ACTOR ?? 'token',
    token: secret('registry-token')?.trim()
  }
}

function readImage(env: NodeJS.ProcessEnv) {
  const written = optional('image') ?? defaultImage(env)
  if (written === undefined) {
    throw new UserError("input 'image' is empty, expected a name such as 'ghcr.io/owner/name'")
  }
  const reference = parseReference(written, "input 'image'")
  if (reference.tag ?? reference.digest) {
    throw badInput('image', written, "a name without a tag: tags go into input 'tags'")
  }
  return reference
}

function defaultImage(env: NodeJS.ProcessEnv): string | undefined {
  return env.GITHUB_REPOSITORY && `ghcr.io/${env.GITHUB_REPOSITORY.toLowerCase()}`
}

function readContext(): string {
  const context = optional('context') ?? '.'
  if (isRemote(context) || existsSync(context)) return context
  throw badInput('context', context, 'a folder of the checkout; does actions/checkout run before?')
}

function readFile(context: string): string | undefined {
  const file = optional('file')
  if (isRemote(context)) return file
  const expected = file ?? path.join(context, 'Dockerfile')
  if (existsSync(expected)) return file
  throw badInput('file', expected, 'a Dockerfile of the checkout')
}

function isRemote(context: string): boolean {
  return /^(https?|git|ssh):\/\/|^git@/.test(context)
}

function isPlatform(word: string): boolean {
  return /^[a-z0-9]+\/[a-z0-9]+(\/[a-z0-9]+)?$/.test(word)
}

function words(name: string, good: (word: string) => boolean, what: string): string[] {
  const all = lines(name).flatMap(line => line.split(/[\s,]+/).filter(word => word !== ''))
  const bad = all.find(word => !good(word))
  if (bad !== undefined) throw badInput(name, bad, what)
  return [...new Set(all)]
}

function readSecrets(env: NodeJS.ProcessEnv): BuildSecret[] {
  return lines('secrets').map((line, index) => {
    const match = /^([A-Za-z_][\w.-]*)(?:=(.*))?$/.exec(line)
    // The line itself is not shown: it may be a part of a secret.
    if (!match) {
      throw new UserError(`input 'secrets': line ${index + 1} is not of the form id=value or NAME`)
    }
    const [, id = '', written] = match
    const value = written ?? env[id]
    if (value) return { id, value }
    throw new UserError(
      `input 'secrets': '${id}' has no value, neither here nor in the environment`
    )
  })
}

function readCache(env: NodeJS.ProcessEnv): Cache {
  const text = optional('cache') ?? 'inline'
  const folder = /^local:(.+)$/.exec(text)?.[1]
  if (folder) return { kind: 'local', folder }
  if (text === 'gha' && !env.ACTIONS_RUNTIME_TOKEN) {
    throw badInput('cache', text, 'another kind here: this runner has no GitHub cache service')
  }
  if (text === 'off' || text === 'inline' || text === 'registry' || text === 'gha') {
    return { kind: text }
  }
  throw badInput('cache', text, "'inline', 'registry', 'gha', 'local:PATH' or 'off'")
}
