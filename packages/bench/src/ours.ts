import { readFile } from 'node:fs/promises'
import { connection, knownHosts, registryToken } from '@diveops/lab'
import { APP, type AppImage } from './app.ts'
import { SERVER_ADDRESS } from './link.ts'
import { runStep } from './step.ts'

/** The time of a whole deploy, and of its parts by name, in ms. */
export interface Sample {
  ms: number
  parts: Record<string, number>
}

/** How the server is reached: over the slow link or not. */
export type Route = 'slow' | 'direct'

/** One deploy by the deploy-vps bundle, which must end in the given state. */
export async function ourDeploy(
  { digest }: AppImage,
  state: 'live' | 'unchanged',
  route: Route,
  workspace: string,
  signal: AbortSignal
): Promise<Sample> {
  const inputs = {
    ...(await server(route)),
    digest,
    // As the baseline does it: the bridge and the watching of a roll would be work that it does not do.
    strategy: 'recreate',
    'registry-user': APP.registryUser,
    'registry-token': await registryToken()
  }
  const env = { GITHUB_REPOSITORY: 'nestorwheelock/tiny', GITHUB_ACTOR: APP.registryUser }
  const step = { action: 'deploy-vps', inputs, workspace, env }
  const { code, outputs, output, ms } = await runStep(step, signal)
  if (code !== 0 || outputs.state !== state) {
    throw new Error(
      `deploy-vps ended with code ${code} and state '${outputs.state}', not '${state}':\n${output}`
    )
  }
  return { ms, parts: stepTimes(output) }
}

async function server(route: Route): Promise<Record<string, string>> {
  const lab = await connection()
  const common = { user: lab.LAB_SSH_USER, 'ssh-key': await readFile(lab.LAB_SSH_KEY, 'utf8') }
  return route === 'slow'
    ? { ...common, host: SERVER_ADDRESS, 'known-hosts': await knownHosts(SERVER_ADDRESS) }
    : {
        ...common,
        host: lab.LAB_SSH_HOST,
        port: lab.LAB_SSH_PORT,
        'known-hosts': lab.LAB_KNOWN_HOSTS
      }
}

/** The steps with their times as the action prints them: `connect 340 ms · lock 1.2 s`. */
function stepTimes(log: string): Record<string, number> {
  const line = log.split('\n').findLast(one => /^connect [\d.]+ m?s( ·|$)/.test(one)) ?? ''
  const found = line.matchAll(/([a-z]+) ([\d.]+) (ms|s)(?: ·|$)/g)
  const times: Record<string, number> = {}
  for (const [, name = '', number, unit] of found) {
    times[name] = (times[name] ?? 0) + Number(number) * (unit === 's' ? 1000 : 1)
  }
  return times
}
