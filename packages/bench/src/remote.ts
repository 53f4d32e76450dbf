import { connection } from '@diveops/lab'
import { clientOptions } from './baseline.ts'
import { type Timed, timed } from './timed.ts'

/** A shell command on the server over a connection of its own, as a workflow does it; it must succeed. */
export async function overSsh(script: string, signal: AbortSignal): Promise<Timed> {
  const lab = await connection()
  const options = clientOptions({
    address: lab.LAB_SSH_HOST,
    port: lab.LAB_SSH_PORT,
    user: lab.LAB_SSH_USER,
    keyFile: lab.LAB_SSH_KEY,
    knownHostsFile: lab.LAB_KNOWN_HOSTS
  })
  const words = [...options, `${lab.LAB_SSH_USER}@${lab.LAB_SSH_HOST}`, script]
  const result = await timed('ssh', words, { signal })
  if (result.code !== 0) {
    throw new Error(`'${script}' ended with code ${result.code}:\n${result.output}`)
  }
  return result
}
