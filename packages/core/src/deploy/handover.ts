import type { RegistryLogin } from '../action/registry.ts'
import { assignment, type TemplateEntry } from '../app/environment.ts'
import type { Source } from '../app/source.ts'
import { isSecret } from '../base/secrets.ts'
import { type BundleFile, bundle } from '../release/bundle.ts'

/**
 * Everything that goes up, as one tar for the host's `$SCRATCH`: the release under `stage/`, and
 * under `secret/` the registry login, the given variables and stand-ins for values that the host
 * does not have yet (the compose file must be resolved before they are made).
 */
export async function handover(
  source: Source,
  given: readonly (readonly [string, string])[],
  login: RegistryLogin | undefined
): Promise<Buffer> {
  const app = source.config.path.slice(source.config.path.lastIndexOf('/') + 1)
  const files: BundleFile[] = source.files.map(({ path, content, executable }) => ({
    name: `stage/${app}/${path}`,
    content,
    mode: executable ? 0o755 : 0o644
  }))
  const secret = (name: string, content: string) =>
    files.push({ name: `secret/${name}`, content, mode: 0o600 })
  const values = source.template.flatMap(entry =>
    entry.kind === 'value' ? [[entry.name, entry.value] as const] : []
  )
  secret('env', text(given))
  secret('template', text(values))
  secret('placeholders', placeholders(source, given))
  if (login) secret('auth', Buffer.from(`${login.user}:${login.token}`).toString('base64'))
  return bundle(files)
}

/** What stands in for variables that the host does not have yet, as lines of a .env without secrets. */
export function placeholders(
  { template }: Source,
  given: readonly (readonly [string, string])[]
): string {
  return text([...template.map(placeholder), ...given.map(harmless)])
}

function text(entries: readonly (readonly [string, string])[]): string {
  return entries.map(([name, value]) => `${assignment(name, value)}\n`).join('')
}

function placeholder(entry: TemplateEntry): readonly [string, string] {
  return entry.kind === 'value' ? harmless([entry.name, entry.value]) : [entry.name, 'redacted']
}

function harmless([name, value]: readonly [string, string]): readonly [string, string] {
  return [name, isSecret(name, value) ? 'redacted' : value]
}
