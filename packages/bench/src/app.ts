import { cp, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { root } from '@diveops/build'
import { quote } from '@diveops/core/base/shell'
import { connection, registryToken, runnerExec } from '@diveops/lab'
import { timed } from './timed.ts'

/** The app that is deployed: the smallest one of the end-to-end tests. */
export const APP = {
  folder: path.join(root, 'test/e2e/apps/tiny'),
  /** On the server. */
  path: '/opt/diveops',
  compose: 'docker-compose.prod.yml',
  proxyConf: 'proxy/default.conf',
  image: 'ghcr.io/nestorwheelock/tiny',
  registry: 'ghcr.io',
  registryUser: 'nestorwheelock',
  web: { service: 'web', container: 'tiny-web-1' },
  proxy: { service: 'proxy', container: 'tiny-proxy-1' },
  release: ['python3', '/server.py', 'migrate'],
  healthTest: ['python3', '/server.py', 'check']
} as const

/** An image of the app in the lab's registry. */
export interface AppImage {
  release: string
  digest: string
}

/**
 * Builds an image of the app on the lab's runner and pushes it; `errors` is healthy and answers visitors
 * with 500, `errors-inside` everywhere but on the front page.
 */
export async function buildImage(
  release: string,
  behaviour: 'good' | 'errors' | 'errors-inside' = 'good'
): Promise<AppImage> {
  const read = (name: string) => readFile(path.join(APP.folder, name), 'utf8')
  const script = `set -e
folder=$(mktemp -d)
DOCKER_CONFIG=$(mktemp -d)
export DOCKER_CONFIG
trap 'rm -rf "$folder" "$DOCKER_CONFIG"' EXIT
cd "$folder"
printf %s ${quote(await read('Dockerfile'))} > Dockerfile
printf %s ${quote(await read('server.py'))} > server.py
docker login ${APP.registry} -u ${APP.registryUser} --password-stdin >&2
docker buildx build --quiet --provenance=false --push --metadata-file meta \\
  --build-arg RELEASE=${release} --build-arg BEHAVIOUR=${behaviour} -t ${APP.image}:${release} . >&2
sed -n 's/.*"containerimage.digest": "\\(.*\\)".*/\\1/p' meta`
  const { code, stdout, stderr } = await runnerExec(script, { stdin: await registryToken() })
  if (code !== 0) throw new Error(`the image of the app was not built: ${stderr}`)
  return { release, digest: stdout.trim() }
}

/**
 * A checkout of the app in a temporary folder; the caller removes it. `definition` is added to what
 * the compose file says of the web service.
 */
export async function checkOut(signal: AbortSignal, definition = ''): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'diveops-bench-app-'))
  await cp(APP.folder, folder, { recursive: true })
  const compose = path.join(folder, APP.compose)
  const text = await readFile(compose, 'utf8')
  await writeFile(
    compose,
    text.replace(`\n  ${APP.web.service}:\n`, line => line + definition)
  )
  const author = ['-c', 'user.name=Bench', '-c', 'user.email=bench@example.com']
  for (const words of [
    ['init', '--quiet'],
    ['add', '--all'],
    [...author, 'commit', '--quiet', '-m', 'bench']
  ]) {
    const { code, output } = await timed('git', ['-C', folder, ...words], { signal })
    if (code !== 0) throw new Error(`git ${words.join(' ')} failed: ${output}`)
  }
  return folder
}

/** Makes sure that the server's site is of the given release. */
export async function expectSite({ release }: AppImage): Promise<void> {
  const { LAB_HTTP } = await connection()
  const answer = await (await fetch(LAB_HTTP)).text()
  if (!answer.startsWith(`release ${release},`)) {
    throw new Error(`the site should be of release ${release} and says: ${answer.slice(0, 200)}`)
  }
}
