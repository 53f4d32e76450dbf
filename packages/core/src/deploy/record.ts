import type { Project } from '../app/compose.ts'
import { knownMigrations, type Schema } from '../app/migrations.ts'
import { partsOfAll } from '../app/parts.ts'
import { sha256 } from '../base/hash.ts'
import type { Manifest } from '../release/manifest.ts'
import type { Place } from './library.ts'
import type { Request } from './outcome.ts'
import { declaredReplicas } from './replicas.ts'
import { definitionHash } from './tactics.ts'
import type { Target } from './target.ts'

/** What the host made of the release while it was prepared. */
export interface Prepared {
  /** What the engine calls the pulled image. */
  imageId: string
  /** The health test that the image itself brings, in the form of the engine. */
  imageTest: string[] | null
  /** sha256 of the .env. */
  envHash: string
}

/** Reads what the prepare script said. */
export function readPrepared(said: ReadonlyMap<string, string>): Prepared {
  const image = said.get('image') ?? ' null'
  const space = image.indexOf(' ')
  const config = JSON.parse(image.slice(space + 1)) as { Healthcheck?: { Test?: string[] } } | null
  return {
    imageId: image.slice(0, space),
    imageTest: config?.Healthcheck?.Test ?? null,
    envHash: said.get('env') ?? ''
  }
}

/** What a release.json keeps of the resolved compose file. */
export function composeRecord(
  project: Project
): Pick<Manifest, 'definitions' | 'parts' | 'replicas'> {
  return {
    definitions: Object.fromEntries(
      Object.keys(project.services).map(name => [name, definitionHash({ project }, name)])
    ),
    parts: partsOfAll(project),
    replicas: declaredReplicas(project)
  }
}

/** The release.json of a release that has become live. */
export function newManifest(
  place: Place,
  target: Target,
  { imageId, imageTest, envHash }: Prepared,
  { source, run }: Request,
  now: Date,
  schema: Schema | undefined
): Manifest {
  return {
    id: place.release,
    app: place.project,
    created: now.toISOString(),
    image: target.image,
    imageId,
    imageTest,
    services: target.built,
    compose: place.compose,
    ...composeRecord(target.project),
    migrations: schema && knownMigrations(schema),
    proxy: source.config.proxy,
    variant: target.variant,
    pairs: target.pairs,
    files: Object.fromEntries(source.files.map(({ path, content }) => [path, sha256(content)])),
    config: source.config,
    again: source.config.release.filter(({ again }) => again),
    env: { sha256: envHash, follow: target.follow },
    commit: run.commit,
    run: run.url,
    actor: run.actor
  }
}
