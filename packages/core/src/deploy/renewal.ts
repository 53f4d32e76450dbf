import { INIT_SSL_VERSION, type InitSslSettings, initSslScript } from '../tls/initssl.ts'
import { type Lineage, lineages } from '../tls/lineages.ts'
import type { Live, SecureRequest } from './live.ts'
import { askRenewalScript, placeInitSslScript, runInitSslScript } from './obtain.ts'
import type { Run } from './run.ts'

/** Puts `init-ssl.sh` into the app's folder, for the domains of the release and those needed now. */
export async function placeScript(
  { place, proxy, config }: Live,
  needed: readonly Lineage[],
  { email, directory, stagingDirectory, path }: SecureRequest,
  told: Pick<InitSslSettings, 'webroot' | 'profile'>,
  run: Run
): Promise<void> {
  const all = new Map(
    [...lineages([], config.domains), ...needed].map(one => [one.name, one] as const)
  )
  const script = initSslScript({
    ...told,
    path,
    project: place.project,
    proxy,
    certs: `${path}/certs`,
    email,
    directory,
    staging: stagingDirectory,
    lineages: [...all.values()]
  })
  await run.script(placeInitSslScript(place), script)
}

/** What renews the certificates on the host, and whether its `init-ssl.sh` is today's. */
export async function lookAtRenewal(
  { place }: Live,
  run: Run
): Promise<{ installed: boolean; current: boolean }> {
  const said = await run.script(askRenewalScript(place))
  const [by = '', version] = (said.get('renewal') ?? '').split(' ')
  return { installed: !['', 'none'].includes(by), current: version === INIT_SSL_VERSION }
}

/** Lets the host renew by itself. */
export async function installRenewal({ place }: Live, run: Run): Promise<void> {
  await run.script(runInitSslScript(place, 'renewal', '--install-renewal', []))
}
