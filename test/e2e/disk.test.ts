import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { resetVps, up, vpsExec } from '@diveops/lab'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import type { Outcome } from '../harness/action.ts'
import { leaveFree, putInDisk, takeOutDisk } from '../harness/smalldisk.ts'
import {
  buildTiny,
  checkoutTiny,
  deployTiny,
  onServer,
  siteAgain,
  snapshot
} from '../harness/tiny.ts'

jest.setTimeout(300_000)

let workspace = ''

beforeAll(async () => {
  await up(() => {})
  await resetVps()
  workspace = await checkoutTiny()
})

function deploy(digest: string, folder = workspace): Promise<Outcome> {
  return deployTiny(folder, { digest })
}

async function mustDeploy(digest: string): Promise<string> {
  const { outputs, log } = await deploy(digest)
  expect([outputs.state, log]).toEqual(['live', expect.anything()])
  return outputs.release as string
}

/** The run failed by one line, and the server is as it was. */
async function expectUntouched(outcome: Outcome, message: RegExp, before: string): Promise<void> {
  const errors = outcome.log.split('\n').filter(line => line.startsWith('::error::'))
  expect(errors.map(decodeURIComponent)).toEqual([expect.stringMatching(message)])
  expect([outcome.code, outcome.outputs.state]).toEqual([1, 'untouched'])
  expect(await snapshot()).toBe(before)
}

/** A layer of so many megabytes that does not compress. */
const ballast = (mb: number) => `RUN head -c ${mb}000000 /dev/urandom > /ballast`

describe('a disk for the images of the server that is full but for what is just expected of a host', () => {
  /** The least that is expected is 256 MB; unpacked, an image is taken to need 2.5 times its size. */
  const LITTLE = 265
  const digests: Record<string, string> = {}
  const releases: string[] = []

  beforeAll(async () => {
    for (const [name, line] of Object.entries({
      s1: ballast(80),
      s2: '',
      s3: '',
      s4: ballast(126),
      s5: ballast(150),
      zeros: 'RUN head -c 400000000 /dev/zero > /ballast'
    })) {
      digests[name] = await buildTiny(name, 'good', line)
    }
    await putInDisk()
    for (const name of ['s1', 's2']) releases.push(await mustDeploy(digests[name] as string))
  })
  afterAll(async () => {
    await takeOutDisk()
    await resetVps()
  })

  const kept = async () => (await onServer('ls releases')).trim().split('\n')

  test('it fills up while an image is pulled that is far larger than it looks', async () => {
    await leaveFree(LITTLE)
    const before = await snapshot()
    const outcome = await deploy(digests.zeros as string)
    await expectUntouched(
      outcome,
      /the disk of the host is too small for image \S+: \d+ KB free; remove what is not needed/,
      before
    )
  })

  test('the oldest kept release gives way to an image that has room then', async () => {
    releases.push(await mustDeploy(digests.s3 as string))
    await leaveFree(LITTLE)
    const outcome = await deploy(digests.s4 as string)
    expect([outcome.outputs.state, outcome.log]).toEqual(['live', expect.anything()])
    const removed = outcome.log.split('\n').filter(line => line.includes('was removed'))
    expect(removed).toEqual([
      `::warning::release ${releases[0]} was removed, because the disk is too small to keep it beside the new image`
    ])
    releases.push(outcome.outputs.release as string)
    expect(await kept()).toEqual(releases.slice(1))
    const images = await onServer('docker image ls --digests')
    const there = ['s1', 's2', 's3', 's4'].filter(name => images.includes(digests[name] as string))
    expect(there).toEqual(['s2', 's3', 's4'])
    expect(await siteAgain(/^release s4/)).toBe('release s4, hello from the template')
  })

  test('no release goes in vain for an image that has no room even so', async () => {
    await leaveFree(LITTLE)
    const before = await snapshot()
    const outcome = await deploy(digests.s5 as string)
    await expectUntouched(
      outcome,
      /the disk of the host is too small for image \S+: it needs about \d+ MB and \d+ MB are free; remove what is not needed/,
      before
    )
    expect(await kept()).toEqual(releases.slice(1))
  })
})

test('a disk that fills up when the release is uploaded', async () => {
  const live = await buildTiny('live')
  await mustDeploy(live)
  const large = await checkoutTiny(copy =>
    writeFile(path.join(copy, 'proxy/chart.bin'), randomBytes(4_000_000))
  )
  const folder = '/opt/diveops/releases'
  await vpsExec(`cp -a ${folder} /root/kept
mount -t tmpfs -o size=1m,mode=700,uid=$(id -u captain),gid=$(id -g captain) tmpfs ${folder}
cp -a /root/kept/. ${folder}`)
  try {
    const before = await snapshot()
    const outcome = await deploy(live, large)
    await expectUntouched(outcome, /cannot write \/opt\/diveops\/releases\/\S+: 0 KB free/, before)
  } finally {
    await vpsExec(`umount ${folder}; rm -rf /root/kept`)
  }
  expect(await siteAgain(/^release live/)).toBe('release live, hello from the template')
})
