import type { Project } from '../app/compose.ts'
import type { AppConfig } from '../app/config.ts'
import type { Facts } from '../deploy/facts.ts'
import type { Section } from '../deploy/sections.ts'

/** What was read of a host, for those who judge it. `Name` are the names of an area's probes. */
export interface Seen<Name extends string = never> {
  facts: Facts
  /** What the app is: as its live release says, else as configured. */
  config: AppConfig
  /** The compose file as the host's compose resolves it now; undefined when it refuses it. */
  project: Project | undefined
  /** Name of the compose file in the app's folder, and whether it is there. */
  compose: { file: string; there: boolean }
  /** `user@name:port`, for messages. */
  host: string
  /** Milliseconds since the epoch, by this machine's clock. */
  now: number
  sections: Readonly<Record<Name, Section>>
}

/** What a probe printed, line by line. */
export function linesOf({ text }: Section): string[] {
  return text.split('\n').filter(Boolean)
}

/** A compose command as an operator types it in any folder. */
export function composeCommand(
  { config, compose }: Pick<Seen, 'config' | 'compose'>,
  words: string
): string {
  return `cd ${config.path} && docker compose -f ${compose.file} ${words}`
}
