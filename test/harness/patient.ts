import type { Row } from '@diveops/core/deploy/row'
import { vpsExec } from '@diveops/lab'
import { type Outcome, runAction, unexpected } from './action.ts'
import {
  buildTiny,
  checkoutTiny,
  deployTiny,
  edit,
  labInputs,
  onServer,
  put,
  secureSite
} from './tiny.ts'

const COMPOSE = 'docker-compose.prod.yml'

/** The tiny app with what falls ill: PostgreSQL and a client of it, static files, HTTPS if wanted. */
export function checkoutPatient(https = false): Promise<string> {
  return checkoutTiny(async copy => {
    await edit(copy, COMPOSE, '["80:80"]', '["80:80", "443:443"]')
    await edit(
      copy,
      COMPOSE,
      '/etc/nginx/conf.d:ro\n',
      '/etc/nginx/conf.d:ro\n      - ./certs:/tls:ro\n      - static:/srv/static:ro\n'
    )
    await edit(copy, COMPOSE, '[data:/data]', '[data:/data, static:/static]')
    await edit(
      copy,
      COMPOSE,
      'volumes:\n  data:',
      `  db:
    image: postgres:16-alpine
    environment: {POSTGRES_USER: app, POSTGRES_PASSWORD: '\${POSTGRES_PASSWORD:?is made on the first deploy}'}
    volumes: [rows:/var/lib/postgresql/data]
    healthcheck: {test: [CMD, pg_isready], interval: 1s, retries: 60}
    restart: unless-stopped
  worker:
    image: postgres:16-alpine
    init: true
    command: [sh, -c, 'while sleep 1; do psql -c "select 1" > /dev/null; done']
    environment: {PGHOST: '\${DB_HOST:-db}', PGUSER: app, PGPASSWORD: '\${POSTGRES_PASSWORD}'}
    depends_on: {db: {condition: service_healthy}}
    restart: unless-stopped
volumes:
  static:
  rows:
  data:`
    )
    await put(copy, '.env.template', 'GREETING=hello\nPOSTGRES_PASSWORD={{generate 24}}\n')
    const files = 'location /static/ { alias /srv/static/; }'
    const plain = `server {\n    listen 80 default_server;\n    ${files}\n    location / { proxy_pass http://web:8000; }\n}\n`
    await put(copy, 'plain/default.conf', plain)
    const secure = secureSite('a.example www.a.example', 'a.example')
    await put(copy, 'proxy/default.conf', https ? `${plain}${secure}` : plain)
    await put(
      copy,
      'diveops.yml',
      `${https ? 'proxy: {http: plain/default.conf, https: proxy/default.conf}\n' : ''}health: {bake: 1s}
release:
  - web: python3 /server.py migrate
  - web: python3 -c "open('/static/app.css','w').write('body')"
    again: true
`
    )
  })
}

/** Deploys a release of the patient, which must go live. */
export async function deployPatient(workspace: string, release: string): Promise<string> {
  const outcome = await deployTiny(workspace, {
    digest: await buildTiny(release),
    strategy: 'roll'
  })
  if (outcome.code !== 0) throw unexpected(outcome)
  return outcome.outputs.release as string
}

/** What the doctor bundle found on the lab's server, without a checkout. */
export interface Findings {
  outcome: Outcome
  /** The red rows. */
  problems: Row[]
}

/** Runs the doctor bundle against the lab's server. */
export async function doctor(inputs: Record<string, string> = {}): Promise<Findings> {
  const shared = await labInputs()
  for (const name of ['registry-user', 'registry-token']) delete shared[name]
  const outcome = await runAction('doctor', { ...shared, ...inputs })
  if (outcome.outputs.problems === undefined) throw unexpected(outcome)
  return { outcome, problems: JSON.parse(outcome.outputs.problems) as Row[] }
}

/** The red row of one thing, without its details; undefined when there is none. */
export function row(
  { problems }: Findings,
  area: string,
  name: string
): Omit<Row, 'details'> | undefined {
  const found = problems.find(one => one.area === area && one.name === name)
  if (!found) return undefined
  const { details: _, ...rest } = found
  return rest
}

/** A compose command of an operator in the app's folder. */
export function compose(words: string): Promise<string> {
  return onServer(`docker compose -f ${COMPOSE} ${words}`)
}

/** Commands on the server as root, which must succeed. */
export async function asRoot(commands: string): Promise<string> {
  const { code, stdout, stderr } = await vpsExec(commands)
  if (code !== 0) throw new Error(stderr)
  return stdout
}

/** Adds services to the compose file on the server and starts them, as far as they start. */
export async function addServices(text: string, names: readonly string[]): Promise<void> {
  await onServer(`cp ${COMPOSE} /tmp/compose.before && awk '{ print } /^services:/ { while ((getline line < "/dev/stdin") > 0) print line }' /tmp/compose.before > ${COMPOSE} <<'SERVICES'
${text}
SERVICES`)
  for (const name of names) await compose(`up -d --no-deps --pull never ${name} || true`)
}

/** Takes the added services away again, and every container of theirs. */
export async function removeServices(names: readonly string[]): Promise<void> {
  await compose(`rm -sf ${names.join(' ')}`)
  await onServer(`cat /tmp/compose.before > ${COMPOSE}`)
}
