import * as z from 'zod'
import type { AppConfig } from '../app/config.ts'

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
  proxy: z.object({
    service: z.string().optional(),
    http: z.string().optional(),
    https: z.string().optional()
  }),
  variant: z.enum(['https', 'http']),
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
  commit: z.string().optional(),
  run: z.string().optional(),
  actor: z.string().optional()
})

/** What release.json holds: everything needed to tell a release apart and to go back to it. */
export type Manifest = z.infer<typeof manifest>

/** Reads a release.json; undefined when there is none or it is not one of ours. */
export function parseManifest(text: string): Manifest | undefined {
  if (text.trim() === '') return undefined
  try {
    return manifest.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}
