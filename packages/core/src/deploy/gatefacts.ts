import { changedParts, type Parts, partsOf, partsOfAll } from '../app/parts.ts'
import type { Source, SourceFile } from '../app/source.ts'
import { UserError } from '../base/errors.ts'
import { isSecretName } from '../base/secrets.ts'
import type { ReadOnlyKey } from '../ssh/readonly.ts'
import { type Facts, readFacts, type Sections } from './facts.ts'
import type { ReadTexts } from './filediff.ts'
import { GATE_VERSION, type GateName, gateNames } from './gate.ts'
import { placeholders } from './handover.ts'
import { resolveHere } from './resolvehere.ts'
import { readSections, type Section } from './sections.ts'
import { definitionHash } from './tactics.ts'

/** What no plan asks whose key may only read. */
const UNASKED = [
  'whether compose itself would make a further service anew (told by comparing what the files define)',
  'whether the image is in the registry, and how much space it takes',
  'which migrations are pending (the deploy asks the new image)',
  'files of this release that lie in the folder already and are of no release (they count as new)',
  "values of .env, but for those that the live release's compose file uses and that are no secrets (others stand as 'redacted')"
]
const NO_VALUES_BEFORE =
  'values in the environment of services as the live release has them (its compose file could not be read and resolved)'

type Answer = Record<GateName, Section>

/** The facts of a host in the answer of a key that may only read, and the texts of its files. */
export interface GateFacts {
  facts: Facts
  readTexts: ReadTexts
  /** What the plan is to say that it did not ask, a sentence each. */
  unasked: string[]
}

/**
 * Makes of such an answer the facts that a plan is made of: what needs the new release's files is found
 * out here, with the compose of the machine that this program runs on. Throws a `UserError` for an answer
 * of another version or another app, or one that broke off, and where there is no compose.
 */
export async function readGate(
  key: ReadOnlyKey,
  host: string,
  source: Source,
  given: readonly (readonly [string, string])[]
): Promise<GateFacts> {
  const { config, files } = source
  const answer = readAnswer(key.answer, host, config.path)
  const env = `${placeholders(source, given)}${answer.env.text}\n`
  const resolved = await resolveHere(config, files, env)
  const sections: Sections = {
    ...answer,
    config: { text: resolved.text, code: resolved.code },
    configError: { text: resolved.error, code: 0 }
  }
  const facts = readFacts(config.path, sections)
  const before = await partsBefore(facts, answer)
  const parts = before ?? recordedParts(facts)
  const definitions = definitionsNow(parts, facts)
  const current = facts.current && { ...facts.current, parts, definitions }
  return {
    facts: { ...facts, current, recreates: changedServices({ ...facts, current }, answer) },
    readTexts: textsOf(answer, files),
    unasked: before === undefined ? [...UNASKED, NO_VALUES_BEFORE] : UNASKED
  }
}

function readAnswer(text: string, host: string, path: string): Answer {
  const [, version, mark = ''] = text.slice(0, text.indexOf('\n')).split(' ')
  if (version !== GATE_VERSION) {
    throw new UserError(
      `${host}: the program of the key that may only read is of another version (${version}, expected ` +
        `${GATE_VERSION}); the next deploy renews it`
    )
  }
  const answer = readSections(gateNames(), text.slice(text.indexOf('\n')), mark)
  if (answer.end.code !== 0) {
    throw new UserError(
      text.trimEnd().endsWith('\nbusy')
        ? `${host}: other plans are being made there; run this one again`
        : `${host}: what the key that may only read answers broke off; run this again`
    )
  }
  if (answer.place.text === path) return answer
  throw new UserError(
    `${host}: this key reads the app in ${answer.place.text}, expected ${path}; set 'path' in diveops.yml, ` +
      "or the key's command in authorized_keys"
  )
}

/**
 * The parts of the live release's services, resolved here with the .env that it went live with: another
 * version of compose writes the same definition otherwise. Undefined when what was read does not suffice.
 */
async function partsBefore(
  { current }: Facts,
  answer: Answer
): Promise<Record<string, Parts> | undefined> {
  if (current === undefined) return {}
  const files = readContents(answer.sources).map(([path, content]) => ({ path, content }))
  if (!files.some(({ path }) => path === current.compose)) return undefined
  const app = { path: answer.place.text, compose: current.compose }
  const { code, text } = await resolveHere(app, files, `${answer.envBefore.text}\n`)
  return code === 0 ? partsOfAll(JSON.parse(text)) : undefined
}

/** The parts as the host has recorded them; values of variables, which it knew, count as unchanged. */
function recordedParts({ current, config }: Facts): Record<string, Parts> {
  const now = config.project ? partsOfAll(config.project) : {}
  return Object.fromEntries(
    Object.entries(current?.parts ?? {}).map(([service, parts]) => [
      service,
      Object.fromEntries(
        Object.entries(parts).map(([name, hash]) => [
          name,
          (name.startsWith('environment.') && now[service]?.[name]) || hash
        ])
      )
    ])
  )
}

/** The hash of each definition that did not change, so that the plan finds it to be the same. */
function definitionsNow(
  before: Record<string, Parts>,
  { config: { project }, editedVariables }: Facts
): Record<string, string> {
  if (project === undefined) return {}
  // With a full key the hash does not tell the values of secrets either.
  const edited = new Set(editedVariables.filter(name => !isSecretName(name)))
  return Object.fromEntries(
    Object.entries(project.services).flatMap(([name, one]) => {
      const was = before[name]
      const same = was && changedParts(was, partsOf(one), edited).length === 0
      return same ? [[name, definitionHash({ project }, name)]] : []
    })
  )
}

/** Services that compose would make anew, as far as their definitions and images tell. */
function changedServices(
  { current, config, editedVariables }: Facts,
  { moved }: Answer
): ReadonlySet<string> {
  const touched = new Set(editedVariables)
  const changed = Object.entries(config.project?.services ?? {}).flatMap(([name, one]) => {
    const before = current?.parts[name]
    return before && changedParts(before, partsOf(one), touched).length > 0 ? [name] : []
  })
  return new Set([...changed, ...moved.text.split('\n').filter(Boolean)])
}

function textsOf(answer: Answer, files: readonly SourceFile[]): ReadTexts {
  const there = new Map(readContents(answer.shown))
  return async shown =>
    shown.map(({ path, from }) => [
      there.get(path)?.toString() ?? '',
      files.find(file => file.path === from)?.content.toString() ?? ''
    ])
}

/** Lines of content in base64, a space, and the file's path. */
function readContents({ text }: Section): [string, Buffer][] {
  return text.split('\n').flatMap(line => {
    const at = line.indexOf(' ')
    return at < 0 ? [] : [[line.slice(at + 1), Buffer.from(line.slice(0, at), 'base64')]]
  })
}
