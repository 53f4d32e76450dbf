import { acme, resetVps } from '@diveops/lab'
import { type Options, type Outcome, unexpected } from './action.ts'
import { type Kill, runActionOnRunner } from './onrunner.ts'
import { buildTiny, checkoutTiny, deployTiny, edit, put } from './tiny.ts'

const ACME = `location ^~ /.well-known/acme-challenge/ { root /etc/nginx/certs/webroot; default_type text/plain; }`
const SITE = `location / { proxy_pass http://web:8000; proxy_set_header Host $host; }`
const CERTIFICATES = ['happydiving.mx', 'buceofeliz.com'] as const

const HTTP = `server { listen 80 default_server; ${ACME} ${SITE} }\n`
const HTTPS = `server { listen 80 default_server; ${ACME} location / { return 301 https://$host$request_uri; } }
${CERTIFICATES.map(
  name => `server {
  listen 443 ssl;
  server_name ${name} www.${name};
  ssl_certificate /etc/nginx/certs/live/${name}/fullchain.pem;
  ssl_certificate_key /etc/nginx/certs/live/${name}/privkey.pem;
  ${SITE}
}`
).join('\n')}
`

/** The lists of the tiny app's domains, as diveops.yml has them. */
export const DOMAINS = `domains: [${CERTIFICATES.map(name => `[${name}, www.${name}]`).join(', ')}]`

/**
 * Puts the tiny app live over HTTP on a server without anything, with nginx configurations for both
 * domains of the example; `more` is added to its diveops.yml, and `change` may edit its files.
 */
export async function deploySecurable(
  more = DOMAINS,
  change?: (copy: string) => Promise<void>
): Promise<void> {
  await resetVps()
  await acme.reset()
  const outcome = await redeploySecurable('s1', { more, ...(change && { change }) })
  if (outcome.code !== 0) throw unexpected(outcome)
}

/** Deploys the same app again, as a release of some name. */
export async function redeploySecurable(
  release = 's1',
  {
    more = DOMAINS,
    change,
    onOutput
  }: { more?: string; change?: (copy: string) => Promise<void> } & Pick<Options, 'onOutput'> = {}
): Promise<Outcome> {
  const workspace = await checkoutTiny(async copy => {
    const yml = `proxy: {http: http.conf, https: proxy/default.conf}\nhealth: {bake: 1s}\nenv: {https: {SECURE: 'yes'}, http: {SECURE: 'no'}}\n${more}\nrelease:`
    await edit(copy, 'diveops.yml', 'release:', yml)
    const compose = 'docker-compose.prod.yml'
    await edit(copy, compose, '"80:80"', '"80:80", "443:443"')
    const mount = '- ./proxy:/etc/nginx/conf.d:ro'
    await edit(copy, compose, mount, `${mount}\n      - ./certs:/etc/nginx/certs:ro`)
    await put(copy, 'proxy/default.conf', HTTPS)
    await put(copy, 'http.conf', HTTP)
    await change?.(copy)
  })
  const inputs = { digest: await buildTiny(release), strategy: 'roll' }
  return deployTiny(workspace, inputs, { ...(onOutput && { onOutput }) })
}

/** Runs the setup-ssl bundle on the lab's runner, where the names of the domains are known. */
export function setupSsl(inputs: Record<string, string> = {}, kill?: Kill): Promise<Outcome> {
  const env = {
    GITHUB_REPOSITORY: 'nestorwheelock/tiny',
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_RUN_ID: '43',
    GITHUB_ACTOR: 'nestorwheelock'
  }
  return runActionOnRunner('setup-ssl', inputs, env, kill)
}
