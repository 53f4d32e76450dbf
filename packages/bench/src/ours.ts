import { readFile } from 'node:fs/promises'
import { connection, knownHosts, registryToken } from '@diveops/lab'
import { APP, type AppImage } from './app.ts'
import { SERVER_ADDRESS } from './link.ts'
import { runStep, type Step } from './step.ts'

/** The time of a whole deploy, and of its parts by name, in ms. */
export interface Sample {
  ms: number
  parts: Record<string, number>
  /** What the action printed; nothing of what is not ours. */
  log?: string
}

/** In which state a run leaves the server; `restored` is what one ends in that failed. */
export type State = 'live' | 'unchanged' | 'restored'

/** How the server is reached: over the slow link or not. */
export type Route = 'slow' | 'direct'

/** How a deploy is made: as the baseline of `trips` does it, or by a roll. */
export interface Way {
  route: Route
  strategy: 'recreate' | 'roll'
  workspace: string
  /** Called with each piece of what the action prints. */
  onOutput?: (text: string) => void
}

/** One deploy by the deploy-vps bundle, which must end in the given state. */
export async function ourDeploy(
  { digest }: AppImage,
  state: State,
  { route, strategy, workspace, onOutput }: Way,
  signal: AbortSignal
): Promise<Sample> {
  const inputs = {
    ...(await server(route)),
    digest,
    strategy,
    'registry-user': APP.registryUser,
    'registry-token': await registryToken()
  }
  const env = { GITHUB_REPOSITORY: 'nestorwheelock/tiny', GITHUB_ACTOR: APP.registryUser }
  return ending(state, { action: 'deploy-vps', inputs, workspace, env, onOutput }, signal)
}

/** Goes back to the release before the live one by the rollback bundle. */
export async function ourRollback(signal: AbortSignal): Promise<Sample> {
  return ending('live', { action: 'rollback', inputs: await server('direct') }, signal)
}

async function ending(state: State, step: Step, signal: AbortSignal): Promise<Sample> {
  const { code, outputs, output, ms } = await runStep(step, signal)
  if (code !== (state === 'restored' ? 1 : 0) || outputs.state !== state) {
    throw new Error(
      `${step.action} ended with code ${code} and state '${outputs.state}', not '${state}':\n${output}`
    )
  }
  return { ms, parts: stepTimes(output), log: output }
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

/** The steps with their times as the action prints them: `connect 340 ms · bake web 1.2 s`. */
function stepTimes(log: string): Record<string, number> {
  const line = log.split('\n').findLast(one => /^connect [\d.]+ m?s( ·|$)/.test(one)) ?? ''
  const times: Record<string, number> = {}
  for (const step of line.split(' · ')) {
    const [, name = '', number, unit] = /^(.+) ([\d.]+) (ms|s)$/.exec(step) ?? []
    times[name] = (times[name] ?? 0) + Number(number) * (unit === 's' ? 1000 : 1)
  }
  return times
}
