import { execFileSync } from 'node:child_process'
import { appendFile } from 'node:fs/promises'
import { assembleExample, registryToken, runnerExec } from '@diveops/lab'
import { removedAfterwards } from './temporary.ts'
import { REGISTRY_USER } from './tiny.ts'

const IMAGE = 'ghcr.io/nestorwheelock/django-diveops'

/** A checkout of the example, watched for a second only after each switch; it goes after the file's tests. */
export async function checkoutExample(): Promise<string> {
  const folder = removedAfterwards(await assembleExample([]))
  await appendFile(`${folder}/diveops.yml`, 'health: {bake: 1s}\n')
  const git = (...words: string[]) => execFileSync('git', ['-C', folder, ...words])
  git('init', '--quiet')
  git('add', '--all')
  git('-c', 'user.name=Test', '-c', 'user.email=test@example.com', 'commit', '--quiet', '-m', 'x')
  return folder
}

/** Builds and pushes the example's image from a checkout on the lab's runner and returns its digest. */
export async function buildExample(folder: string, release: string): Promise<string> {
  const tar = execFileSync('tar', ['-C', folder, '--exclude=.git', '-cf', '-', '.'])
  return build(tar, `-f docker/Dockerfile --build-arg RELEASE=${release}`)
}

/**
 * Builds and pushes a release that differs from another one by migrations of the app `bookings` (name
 * and text of each) and by further lines of the Dockerfile.
 */
export async function buildWithMigrations(
  base: string,
  release: string,
  migrations: Readonly<Record<string, string>>,
  lines = ''
): Promise<string> {
  const files = Object.entries(migrations)
  const script = files.map(([name, text]) => `cat > ${name}.py <<'PYTHON'\n${text}\nPYTHON`)
  const dockerfile = `FROM ${IMAGE}@${base}
COPY *.py /app/src/bookings/migrations/
ENV DIVEOPS_RELEASE=${release}
${lines}`
  const tar = execFileSync('sh', [
    '-c',
    `cd "$(mktemp -d)"\ncat > Dockerfile <<'FILE'\n${dockerfile}\nFILE\n${script.join('\n')}\ntar -cf - .; rm -r "$PWD"`
  ])
  return build(tar, '')
}

async function build(tar: Buffer, words: string): Promise<string> {
  const { stdout: place } = await runnerExec('mktemp -d')
  const folder = place.trim()
  await runnerExec(`tar -xf - -C ${folder}`, { stdin: tar })
  const script = `set -e
cd ${folder}; DOCKER_CONFIG=$(mktemp -d); export DOCKER_CONFIG
ln -s /usr/libexec/docker/cli-plugins /usr/lib/docker/cli-plugins "$DOCKER_CONFIG/" 2>/dev/null || true
docker login ghcr.io -u ${REGISTRY_USER} --password-stdin >&2
docker buildx build --quiet --provenance=false --push ${words} --metadata-file meta -t ${IMAGE}:latest . >&2
sed -n 's/.*"containerimage.digest": "\\(.*\\)".*/\\1/p' meta
rm -rf ${folder} "$DOCKER_CONFIG"`
  const { code, stdout, stderr } = await runnerExec(script, { stdin: await registryToken() })
  if (code !== 0) throw new Error(`the example was not built: ${stderr}`)
  return stdout.trim()
}
