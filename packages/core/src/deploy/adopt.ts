import type { Project } from '../app/compose.ts'
import type { AppConfig } from '../app/config.ts'
import { quote } from '../base/shell.ts'
import { nameOf, parseReference } from '../docker/reference.ts'
import { keptImage, releaseId } from '../release/identity.ts'
import type { Manifest } from '../release/manifest.ts'
import { commitScript } from './commit.ts'
import type { Facts } from './facts.ts'
import { onHost, type Place } from './library.ts'
import { composeRecord, readPrepared } from './record.ts'
import { keptConfigScript } from './resolve.ts'
import type { Run } from './run.ts'
import type { Target } from './target.ts'

/** Separates the rows of a value. */
const UNIT = '\x1f'

/**
 * Makes what somebody put live by hand a release of its own, before anything of it is touched, so
 * that there is a way back from the first deploy, too: the image that runs, the files as they are in
 * the app's folder, and `.env`. Returns the facts with it as the live release; the same facts when
 * nothing of the app runs, or not from this folder.
 */
export async function adopt(
  run: Run,
  facts: Facts,
  target: Target,
  config: AppConfig
): Promise<Facts> {
  const { log } = run.seams
  const running = facts.containers.find(
    ({ service, state }) => target.built.includes(service) && state === 'running'
  )
  if (facts.current || facts.broken || !running) return facts
  const { path, compose } = config
  const where = { path, compose, project: target.project.name, release: '' }
  const found = await run.script(lookScript(where, running.name))
  const folder = found.get('folder') ?? ''
  if (folder !== path || found.get('compose') !== 'yes') {
    log.warning(
      `the app runs already, from ${folder || 'elsewhere'} and not from ${path} with ${compose}: there is no way ` +
        `back from this first deploy to what runs now (with input 'path' or 'path' in diveops.yml set to its folder there is)`
    )
    return facts
  }
  const created = new Date(found.get('created') ?? '')
  const place: Place = { ...where, release: releaseId(created, running.imageId) }
  const said = await run.script(adoptScript(place, target, running.imageId))
  const resolved = await run.read('adopt', path, keptConfigScript(path, place.release, compose))
  const project = JSON.parse(resolved) as Project
  const { imageId, imageTest, envHash } = readPrepared(said)
  const rows = (said.get('files') ?? '').split(UNIT).filter(Boolean)
  const manifest: Manifest = {
    id: place.release,
    app: place.project,
    created: created.toISOString(),
    image: imageName(said.get('digests') ?? '', target, place),
    imageId,
    imageTest,
    services: target.built,
    compose,
    ...composeRecord(project),
    proxy: { service: target.proxy },
    // Its files stand where they stood, whatever certificates there are.
    variant: 'https',
    pairs: [],
    files: Object.fromEntries(rows.map(row => [row.slice(68), row.slice(0, 64)])),
    config: { ...config, release: [] },
    again: [],
    env: { sha256: envHash, follow: {} },
    adopted: true
  }
  await run.script(commitScript(place, manifest, [], [], [], run.id))
  log.info(
    `  the app ran here before diveops: what runs is now release ${manifest.id}, to which a failure and a rollback lead back`
  )
  return { ...facts, current: manifest, releases: [manifest] }
}

/** By digest when a registry knows the image, else by the tag of our own that keeps it. */
function imageName(digests: string, { image, built }: Target, place: Place): string {
  const name = nameOf(parseReference(image))
  const known = digests.split(' ').find(one => one.startsWith(`${name}@`))
  return known ?? keptImage(place.project, built[0] as string, place.release)
}

function lookScript(place: Place, container: string): string {
  const box = quote(container)
  return onHost(
    place,
    `docker inspect -f '@folder {{index .Config.Labels "com.docker.compose.project.working_dir"}}' ${box}
docker inspect -f '@created {{.Created}}' ${box}
[ ! -f "$C" ] || echo '@compose yes'`
  )
}

function adoptScript(place: Place, target: Target, imageId: string): string {
  const files = [...new Set([place.compose, ...target.liveFiles.keys()])].map(quote).join(' ')
  const image = quote(imageId)
  const tags = target.built.map(name => quote(keptImage(place.project, name, place.release)))
  return onHost(
    place,
    `step adopt
umask 077
R="$P/releases/$RELEASE"
mkdir -p releases .diveops/env && chmod 700 releases && rm -rf "$R" && mkdir "$R" || fail "cannot write $R"
for path in ${files}; do
  [ ! -f "$P/$path" ] || { mkdir -p "$(dirname "$R/$path")" && cp -p "$P/$path" "$R/$path"; } || fail "cannot copy $path to $R"
done
for tag in ${tags.join(' ')}; do docker tag ${image} "$tag" || fail "cannot tag the image that runs"; done
[ ! -f .env ] || { hash=$(hash_env); keep_env "$hash"; printf '@env %s\\n' "$hash"; }
printf '@files %s\\n' "$(cd "$R" && find . -type f -exec sha256sum {} + | tr '\\n' '\\037')"
docker image inspect -f '@digests {{join .RepoDigests " "}}' ${image}
docker image inspect -f '@image {{.Id}} {{json .Config}}' ${image}`
  )
}
