import { silentLog } from '../../packages/core/src/base/log.ts'
import { Secrets } from '../../packages/core/src/base/secrets.ts'
import { systemClock } from '../../packages/core/src/base/time.ts'
import { conduct } from '../../packages/core/src/deploy/conduct.ts'
import { releaseProbes } from '../../packages/core/src/deploy/facts.ts'
import { putKeptLive } from '../../packages/core/src/deploy/kept.ts'
import type { Manifest } from '../../packages/core/src/release/manifest.ts'
import { connect } from '../../packages/core/src/ssh/connect.ts'
import { labInputs } from './tiny.ts'

/** Looks again at what the live release makes of the certificates, as a run that obtained some does. */
export async function lookAgain(): Promise<string[]> {
  const lab = await labInputs()
  const path = '/opt/diveops'
  const request = { path, strategy: 'roll' as const, login: undefined }
  const lines: string[] = []
  const log = { ...silentLog, info: (line: string) => lines.push(line) }
  const open = () =>
    connect(
      {
        host: lab.host as string,
        port: Number(lab.port),
        user: lab.user as string,
        sshKey: lab['ssh-key'] as string,
        knownHosts: lab['known-hosts'],
        hostKeyPolicy: 'strict'
      },
      { log, secrets: new Secrets() }
    )
  const outcome = await conduct(
    'look',
    { ...request, lockTimeoutMs: 10_000, run: {} },
    { connect: open, clock: systemClock, log },
    async run => {
      run.takeLock(path)
      const reading = releaseProbes(path)
      const { current } = reading.read(await run.read('releases', path, reading.script))
      await putKeptLive(run, request, current as Manifest)
    }
  )
  if (outcome.error) throw outcome.error
  return [outcome.state, ...lines]
}
