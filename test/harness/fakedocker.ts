import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** A docker client that does nothing and notes how it was called. */
export interface FakeDocker {
  /** Put this before PATH. */
  bin: string
  /** A checkout with a Dockerfile. */
  workspace: string
  /** The calls, a line each. */
  calls(): Promise<string[]>
  close(): Promise<void>
}

/**
 * Makes the client. FAKE_DOCKER in its environment makes it behave badly: `no-buildx`, `no-engine`,
 * `refuse-login`, `refuse-push`, or `hang` in the build.
 */
export async function fakeDocker(digest: string): Promise<FakeDocker> {
  const folder = await mkdtemp(path.join(tmpdir(), 'diveops-docker-'))
  const bin = path.join(folder, 'bin')
  const workspace = path.join(folder, 'workspace')
  const calls = path.join(folder, 'calls')
  await mkdir(bin)
  await mkdir(workspace)
  await writeFile(path.join(workspace, 'Dockerfile'), 'FROM scratch\n')
  await writeFile(calls, '')
  await writeFile(path.join(bin, 'docker'), script(calls, digest))
  await chmod(path.join(bin, 'docker'), 0o755)
  return {
    bin,
    workspace,
    calls: async () => (await readFile(calls, 'utf8')).split('\n').filter(line => line !== ''),
    close: () => rm(folder, { recursive: true })
  }
}

function script(calls: string, digest: string): string {
  return `#!/bin/sh
echo "$*" >> '${calls}'
case "$FAKE_DOCKER $1 $2" in
  'no-buildx buildx '*) echo "docker: 'buildx' is not a docker command." >&2; exit 1 ;;
  'no-engine buildx inspect')
    printf 'Name: default\\nDriver: \\nError: Cannot connect to the Docker daemon\\n'; exit 0 ;;
  'refuse-login login '*) cat > /dev/null; echo 'Error response from daemon: denied: denied' >&2; exit 1 ;;
  'refuse-push buildx build')
    echo 'ERROR: failed to push x: denied: permission_denied: write_package' >&2; exit 1 ;;
  'hang buildx build') echo "login: $(cat "$DOCKER_CONFIG/config.json")" >&2; exec sleep 10 ;;
esac
case "$1 $2" in
  'buildx inspect') printf 'Name: default\\nDriver: docker\\n' ;;
  'buildx imagetools') echo '{"config": {"size": 1}, "layers": [{"size": 20}, {"size": 300}]}' ;;
  'login '*) cat > "$DOCKER_CONFIG/config.json" ;;
  'buildx build')
    while [ "$1" != --metadata-file ]; do shift; done
    echo '{"containerimage.digest": "${digest}"}' > "$2"
    echo "secret is $DIVEOPS_BUILD_SECRET_0" >&2 ;;
esac
`
}
