import { execFileSync } from 'node:child_process'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { root } from '@diveops/build'
import { connection, registryToken, runnerExec, SERVER_USER, vpsExec } from '@diveops/lab'
import { type Options, type Outcome, runAction, unexpected } from './action.ts'
import type { Pair } from './certificates.ts'
import { temporaryFolder } from './temporary.ts'

const APPS = path.join(root, 'test/e2e/apps')
/** The image of all of these apps. */
export const IMAGE = 'ghcr.io/nestorwheelock/tiny'
/** Who may push to the lab's registry. */
export const REGISTRY_USER = 'nestorwheelock'

/** How an image of the tiny app behaves; see server.py. */
export type Behaviour =
  | 'good'
  | 'unhealthy'
  | 'crash'
  | 'dies'
  | 'errors'
  | 'errors-inside'
  | 'wrong-hosts'
  | 'bad-migration'

/** Builds and pushes a release of the tiny app on the lab's runner and returns its digest. */
export async function buildTiny(release: string, behaviour: Behaviour = 'good', extra = '') {
  return build('tiny', release, behaviour, extra)
}

/** The same for the app that is reached by uwsgi, FastCGI and gRPC. */
export async function buildWires(release: string): Promise<string> {
  return build('wires', release, 'good', '')
}

async function build(app: 'tiny' | 'wires', release: string, behaviour: Behaviour, extra: string) {
  const files = await Promise.all(
    ['Dockerfile', 'server.py'].map(name => readFile(path.join(APPS, app, name), 'utf8'))
  )
  const script = `set -e
folder=$(mktemp -d); DOCKER_CONFIG=$(mktemp -d); export DOCKER_CONFIG
ln -s /usr/libexec/docker/cli-plugins /usr/lib/docker/cli-plugins "$DOCKER_CONFIG/" 2>/dev/null || true
cd "$folder"
cat > Dockerfile <<'FILE'
${files[0]}
${extra}
FILE
cat > server.py <<'FILE'
${files[1]}
FILE
docker login ghcr.io -u ${REGISTRY_USER} --password-stdin >&2
build() { docker buildx build --quiet --provenance=false --push --build-arg RELEASE=${release} --build-arg BEHAVIOUR=${behaviour} --metadata-file meta -t ${IMAGE}:latest . >&2; }
# BuildKit in this engine now and then counts on a layer that its own clean-up has removed.
build || { docker builder prune --all --force >&2; build; }
sed -n 's/.*"containerimage.digest": "\\(.*\\)".*/\\1/p' meta
rm -rf "$folder" "$DOCKER_CONFIG"`
  const { code, stdout, stderr } = await runnerExec(script, { stdin: await registryToken() })
  if (code !== 0) throw new Error(`the image of the app '${app}' was not built: ${stderr}`)
  return stdout.trim()
}

/**
 * A checkout of the tiny app, or of the zoo, which runs the same image in many services, or of the one
 * of `buildWires`; `change` may edit its files before they are committed. It goes after the file's tests.
 */
export async function checkoutTiny(
  change?: (folder: string) => Promise<void>,
  app: 'tiny' | 'zoo' | 'wires' = 'tiny'
): Promise<string> {
  const folder = await temporaryFolder(app)
  await cp(path.join(APPS, app), folder, { recursive: true })
  await change?.(folder)
  const git = (...words: string[]) => execFileSync('git', ['-C', folder, ...words])
  git('init', '--quiet')
  git('add', '--all')
  git('-c', 'user.name=Test', '-c', 'user.email=test@example.com', 'commit', '--quiet', '-m', 'x')
  return folder
}

/** nginx of the tiny app for HTTPS, with one certificate for all names. */
export function secureSite(names: string, certificate: string): string {
  return `server {
    listen 443 ssl;
    server_name ${names};
    ssl_certificate /tls/live/${certificate}/fullchain.pem;
    ssl_certificate_key /tls/live/${certificate}/privkey.pem;
    location / {
        proxy_pass http://web:8000;
        proxy_set_header Host $host;
    }
}
`
}

/** Gives a checkout of the tiny app a pair of nginx configurations and variables that follow them. */
export async function withHttps(folder: string): Promise<void> {
  const plain = await readFile(path.join(folder, 'proxy/default.conf'), 'utf8')
  await put(folder, 'plain/default.conf', plain)
  await put(
    folder,
    'proxy/default.conf',
    `server { listen 80 default_server; return 301 https://$host$request_uri; }\n${secureSite('a.example www.a.example', 'a.example')}`
  )
  await edit(folder, 'docker-compose.prod.yml', '["80:80"]', '["80:80", "443:443"]')
  await edit(
    folder,
    'docker-compose.prod.yml',
    '/etc/nginx/conf.d:ro\n',
    '/etc/nginx/conf.d:ro\n      - ./certs:/tls:ro\n'
  )
  await edit(
    folder,
    'diveops.yml',
    'release:',
    `proxy: {http: plain/default.conf, https: proxy/default.conf}
domains: [[a.example, www.a.example]]
health: {bake: 1s}
env: {https: {GREETING: over HTTPS}, http: {GREETING: over HTTP}}
release:`
  )
}

/** Puts a certificate on the server as certbot would, but as plain files of the deploying user. */
export async function putCertificate(name: string, { cert, key }: Pair): Promise<void> {
  const folder = `/opt/diveops/certs/live/${name}`
  const { code, stderr } = await vpsExec(
    `mkdir -p ${folder} && rm -f ${folder}/*.pem && cat > ${folder}/both &&
sed '/PRIVATE KEY/,$d' ${folder}/both > ${folder}/fullchain.pem &&
sed -n '/PRIVATE KEY/,$p' ${folder}/both > ${folder}/privkey.pem && rm ${folder}/both &&
chown -R ${SERVER_USER} /opt/diveops/certs`,
    { stdin: `${cert}\n${key}\n` }
  )
  if (code !== 0) throw new Error(stderr)
}

/** The inputs with which deploy-vps reaches the lab's server. */
export async function labInputs(): Promise<Record<string, string>> {
  const lab = await connection()
  return {
    host: lab.LAB_SSH_HOST,
    port: lab.LAB_SSH_PORT,
    user: lab.LAB_SSH_USER,
    'ssh-key': await readFile(lab.LAB_SSH_KEY, 'utf8'),
    'known-hosts': lab.LAB_KNOWN_HOSTS,
    'registry-user': REGISTRY_USER,
    'registry-token': await registryToken()
  }
}

/** The inputs that lead to the lab's server by way of a forwarder at this port. */
export async function byPort(port: number): Promise<Record<string, string>> {
  const { LAB_KNOWN_HOSTS, LAB_SSH_PORT } = await connection()
  const known = await readFile(LAB_KNOWN_HOSTS, 'utf8')
  return { port: String(port), 'known-hosts': known.replaceAll(`:${LAB_SSH_PORT} `, `:${port} `) }
}

/** What a runner says of the run. */
const GITHUB = {
  GITHUB_REPOSITORY: 'nestorwheelock/tiny',
  GITHUB_SERVER_URL: 'https://github.com',
  GITHUB_RUN_ID: '42',
  GITHUB_ACTOR: REGISTRY_USER
}

/** Runs the deploy-vps bundle from a checkout against the lab's server. */
export async function deployTiny(
  workspace: string,
  inputs: Record<string, string>,
  options: Options = {}
): Promise<Outcome> {
  const env = { GITHUB_WORKSPACE: workspace, ...GITHUB, ...options.env }
  const shared = { ...(await labInputs()), strategy: 'recreate' }
  return runAction('deploy-vps', { ...shared, ...inputs }, { ...options, env })
}

/** The same by the default strategy, where all else depends on that it goes live. */
export async function mustDeploy(
  workspace: string,
  digest: string,
  inputs: Record<string, string> = {},
  options: Options = {}
): Promise<Outcome> {
  const outcome = await deployTiny(workspace, { digest, strategy: 'roll', ...inputs }, options)
  if (outcome.code !== 0) throw unexpected(outcome)
  return outcome
}

/** Runs the rollback bundle, from a folder without checkout, against the lab's server. */
export async function rollbackTiny(
  inputs: Record<string, string> = {},
  { env }: Options = {}
): Promise<Outcome> {
  const shared = await labInputs()
  for (const name of ['registry-user', 'registry-token']) delete shared[name]
  return runAction('rollback', { ...shared, ...inputs }, { env: { ...GITHUB, ...env } })
}

/** A command on the server as the deploying user, in the app's folder; both streams of its output. */
export async function onServer(command: string): Promise<string> {
  const { stdout, stderr } = await vpsExec(`cd /opt/diveops && ${command}`, { user: SERVER_USER })
  return stdout + stderr
}

/** What the site answers at the server's port 80. */
export async function site(): Promise<string> {
  const { LAB_HTTP } = await connection()
  try {
    return (await (await fetch(LAB_HTTP)).text()).trim()
  } catch (error) {
    return `no answer: ${(error as Error).message}`
  }
}

/** What the site answers once it is as expected, or after half a minute. */
export async function siteAgain(expected: RegExp): Promise<string> {
  let answer = await site()
  for (let tries = 0; tries < 60 && !expected.test(answer); tries++) {
    await new Promise(resolve => setTimeout(resolve, 500))
    answer = await site()
  }
  return answer
}

/** Everything a deploy may change on the server: files with their sums, containers, images, volumes. */
export async function snapshot(): Promise<string> {
  const { stdout } = await vpsExec(`cd /opt/diveops
find . -type f ! -path './.diveops/lock*' ! -path './.diveops/job*' ! -path './.diveops/journal.jsonl' | sort | xargs -r sha256sum
find . -type l -printf '%p -> %l\\n'
docker ps -aq --no-trunc | sort | xargs -r docker inspect -f '{{.Id}} {{.Image}} {{.State.StartedAt}}'
docker image ls --no-trunc --digests --format '{{.Repository}} {{.Tag}} {{.Digest}} {{.ID}}' | sort
docker volume ls -q | sort
ls -A /tmp /dev/shm /home/captain | grep -v '^runc-process'`)
  return stdout
}

/** Writes a file of a checkout, with the folders it needs. */
export async function put(folder: string, name: string, content: string): Promise<void> {
  await mkdir(path.dirname(path.join(folder, name)), { recursive: true })
  await writeFile(path.join(folder, name), content)
}

/** Replaces text in a file of a checkout. */
export async function edit(folder: string, name: string, from: string, to: string): Promise<void> {
  const text = await readFile(path.join(folder, name), 'utf8')
  if (!text.includes(from)) throw new Error(`'${from}' is not in ${name}`)
  await put(folder, name, text.replace(from, to))
}
