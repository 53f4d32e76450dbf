import { connection, registryToken } from '@diveops/lab'
import type { AppImage } from './app.ts'
import { baselineCommands } from './baseline.ts'
import { SERVER_ADDRESS } from './link.ts'
import type { Sample } from './ours.ts'
import { timed } from './timed.ts'

/** One deploy by the baseline's commands over the slow link, all of which must succeed. */
export async function baselineDeploy(
  image: AppImage,
  knownHostsFile: string,
  signal: AbortSignal
): Promise<Sample> {
  const lab = await connection()
  const server = {
    address: SERVER_ADDRESS,
    user: lab.LAB_SSH_USER,
    keyFile: lab.LAB_SSH_KEY,
    knownHostsFile
  }
  const commands = baselineCommands(image, server, await registryToken())
  const parts: Record<string, number> = {}
  const began = performance.now()
  for (const { name, program, words, stdin } of commands) {
    const { code, output, ms } = await timed(program, words, { stdin, signal })
    if (code !== 0) throw new Error(`the baseline's '${name}' ended with code ${code}:\n${output}`)
    parts[name] = ms
  }
  return { ms: performance.now() - began, parts }
}
