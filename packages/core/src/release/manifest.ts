import * as z from 'zod'
import { type AppConfig, parseConfig } from '../app/config.ts'

/** For what a release of an earlier version does not say. */
const DEFAULT_HEALTH = parseConfig('').health

const site = z.object({
  names: z.array(z.string()),
  certificate: z.string(),
  key: z.string()
})

const pair = z.object({
  domain: z.string().optional(),
  http: z.string().optional(),
  https: z.string(),
  variant: z.enum(['https', 'http']),
  /** What the HTTPS configuration serves, so that its certificates can be looked at without it. */
  sites: z.array(site).optional()
})

const manifest = z.object({
  id: z.string(),
  app: z.string(),
  created: z.string(),
  /** The image as it was handed to the action: name@digest. */
  image: z.string(),
  /** What the engine on the host calls that image. */
  imageId: z.string(),
  /** The health test that the image itself brings, in the form of the engine. */
  imageTest: z.array(z.string()).nullable().default(null),
  services: z.array(z.string()),
  compose: z.string(),
  /** sha256 of each service of the compose file as the host's compose resolved it. */
  definitions: z.record(z.string(), z.string()).default({}),
  /** Hashes of each part of each service's definition, to say later what changed. */
  parts: z.record(z.string(), z.record(z.string(), z.string())).default({}),
  /** How many containers of which service the compose file said; releases before did not keep it. */
  replicas: z.record(z.string(), z.number()).optional(),
  /** Migrations that the release knows: in its image, or in the database when it went live. */
  migrations: z.array(z.string()).optional(),
  proxy: z.object({
    service: z.string().optional(),
    http: z.string().optional(),
    https: z.string().optional()
  }),
  variant: z.enum(['https', 'http']),
  /** The pairs of nginx configurations and what was chosen of each; releases before had one. */
  pairs: z.array(pair).optional(),
  /** sha256 of each file of the release, by its path in the app's folder. */
  files: z.record(z.string(), z.string()),
  /** What diveops.yml said, for a rollback without a checkout. */
  config: z.custom<AppConfig>().optional(),
  /** Commands that may be repeated when the release is brought back. */
  again: z
    .array(z.object({ service: z.string(), command: z.string(), again: z.boolean() }))
    .default([]),
  /** The .env that the release was made live with; values stay on the host. */
  env: z.object({ sha256: z.string(), follow: z.record(z.string(), z.string()) }),
  /** It ran here before, put live by hand. */
  adopted: z.boolean().optional(),
  commit: z.string().optional(),
  run: z.string().optional(),
  actor: z.string().optional()
})

/** What release.json holds: everything needed to tell a release apart and to go back to it. */
export type Manifest = z.infer<typeof manifest> & { pairs: ManifestPair[] }

/** A pair of nginx configurations and which of the two serves. */
export type ManifestPair = z.infer<typeof pair>

/** Reads a release.json; undefined when there is none or it is not one of ours. */
export function parseManifest(text: string): Manifest | undefined {
  if (text.trim() === '') return undefined
  try {
    const read = manifest.parse(JSON.parse(text))
    const { variant, proxy, config } = read
    const { http, https } = proxy
    return {
      ...read,
      pairs: read.pairs ?? (https ? [{ http, https, variant }] : []),
      ...(config && { config: { ...config, health: { ...DEFAULT_HEALTH, ...config.health } } })
    }
  } catch {
    return undefined
  }
}
