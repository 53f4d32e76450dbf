import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { OWNER as PUBLISHER } from '@diveops/build'
import { command, quote } from '@diveops/core/base/shell'
import { runnerExec } from './exec.ts'
import { prepareCheckout } from './published.ts'
import { allowRegistryUser } from './registry.ts'
import { copyRepository, pack } from './repository.ts'
import { knownHosts, OWNER, registryToken, SERVER_USER, serverKey } from './secrets.ts'

/** How a run of act ended. `output` is what it printed, both streams in the order they came. */
export interface ActResult {
  code: number
  output: string
}

/** More for a run of act. */
export interface ActOptions {
  onOutput?: (text: string) => void
  /** Cancels the run as a person would: act is interrupted, its post steps run. */
  signal?: AbortSignal
  /** Secrets beyond the lab's, or in place of them. */
  secrets?: Record<string, string>
  /** Variables beyond the lab's, or in place of them. */
  variables?: Record<string, string>
}

const RUNS = '/lab/runs'

/** An action in the runner: its name and the id of the commit that it would be published as. */
interface Action {
  name: string
  commit: string
}

/**
 * Runs workflows of a folder in the lab's runner, as GitHub would on a push: see `copyRepository`
 * for what is copied. `uses: diveops/<name>@v1` gets the files that publishing it would publish, and
 * `uses: diveops/workflows/.github/workflows/<name>.yml@v1` the workflow files to copy.
 */
export async function act(
  folder: string,
  words: readonly string[] = [],
  options: ActOptions = {}
): Promise<ActResult> {
  const place = `${RUNS}/${randomUUID()}`
  try {
    const [owner, actions] = await Promise.all([
      copyRepository(folder, `${place}/repository`),
      copyActions(`${place}/actions`)
    ])
    await allowRegistryUser(owner)
    await writeValues(`${place}/secrets.yml`, { ...(await labSecrets()), ...options.secrets })
    await writeValues(`${place}/variables.yml`, { ...(await labVariables()), ...options.variables })
    const script = command(['act', ...actArguments(place, actions), ...words])
    return await runAct(place, script, options)
  } finally {
    await runnerExec(`rm -rf ${quote(place)}`)
  }
}

function actArguments(place: string, actions: readonly Action[]): string[] {
  const labels = ['ubuntu-latest', 'ubuntu-24.04', 'ubuntu-22.04']
  return [
    ...labels.flatMap(label => ['-P', `${label}=-self-hosted`]),
    ...['--actor', OWNER],
    ...['--secret-file', `${place}/secrets.yml`, '--var-file', `${place}/variables.yml`],
    ...actions.flatMap(({ name, commit }) =>
      // Workflows name the version, composite actions the commit that publishing pins them to.
      ['v1', commit].flatMap(ref => {
        return ['--local-repository', `${PUBLISHER}/${name}@${ref}=${place}/actions/${name}`]
      })
    )
  ]
}

async function runAct(place: string, script: string, options: ActOptions): Promise<ActResult> {
  const { onOutput, signal } = options
  const interrupt = () => void runnerExec(`kill -INT "$(cat ${place}/pid)"`)
  signal?.throwIfAborted()
  signal?.addEventListener('abort', interrupt)
  let output = ''
  try {
    const { code } = await runnerExec(`echo $$ > ${place}/pid; exec ${script}`, {
      cwd: `${place}/repository`,
      detached: true,
      onOutput: text => {
        output += text
        onOutput?.(text)
      }
    })
    return { code, output }
  } finally {
    signal?.removeEventListener('abort', interrupt)
  }
}

async function copyActions(target: string): Promise<Action[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'diveops-lab-actions-'))
  try {
    const actions = await prepareCheckout(folder)
    await pack(path.join(folder, 'files'), undefined, target)
    return actions
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function labSecrets(): Promise<Record<string, string>> {
  return {
    SERVER_HOST: 'vps.lab',
    SERVER_USER,
    SERVER_SSH_KEY: await serverKey(),
    GHCR_TOKEN: await registryToken()
  }
}

async function labVariables(): Promise<Record<string, string>> {
  return { SERVER_KNOWN_HOSTS: await knownHosts('vps.lab') }
}

/** JSON is YAML, which act reads; its other format has no values of more than one line. */
async function writeValues(file: string, values: Record<string, string>): Promise<void> {
  const { code, stderr } = await runnerExec(`umask 077; cat > ${quote(file)}`, {
    stdin: JSON.stringify(values)
  })
  if (code !== 0) throw new Error(stderr)
}
