import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  connection,
  rebootVps,
  registryToken,
  resetVps,
  startLoad,
  startRegistry,
  stopRegistry,
  up,
  vpsExec
} from '@diveops/lab'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { expectClean } from '../harness/after.ts'
import { startForwarder } from '../harness/forwarder.ts'
import {
  buildTiny,
  byPort,
  checkoutTiny,
  deployTiny,
  edit,
  IMAGE,
  onServer,
  REGISTRY_USER,
  rollbackTiny,
  site,
  siteAgain,
  snapshot
} from '../harness/tiny.ts'

jest.setTimeout(300_000)

const digests = { r1: '', r2: '', unhealthy: '' }
let workspace = ''
/** The same with two containers of the service web. */
let doubled = ''

beforeAll(async () => {
  await up(() => {})
  await resetVps()
  digests.r1 = await buildTiny('r1')
  workspace = await checkout('health: {bake: 1s}\nrelease:')
  doubled = await checkoutTiny(async copy => {
    await edit(copy, 'diveops.yml', 'release:', 'health: {bake: 1s}\nrelease:')
    await edit(
      copy,
      'docker-compose.prod.yml',
      '    env_file',
      '    deploy: {replicas: 2}\n    env_file'
    )
  })
  await startByHand(workspace)
  digests.r2 = await buildTiny('r2')
  digests.unhealthy = await buildTiny('r3', 'unhealthy')
})

async function checkout(release: string): Promise<string> {
  return checkoutTiny(copy => edit(copy, 'diveops.yml', 'release:', release))
}

/** What somebody does who has read the compose file and no more. */
async function startByHand(folder: string): Promise<void> {
  for (const name of ['docker-compose.prod.yml', 'proxy/default.conf']) {
    const target = `/opt/diveops/${name}`
    const { code, stderr } = await vpsExec(
      `mkdir -p ${path.dirname(target)} && cat > ${target} && chown -R captain /opt/diveops`,
      { stdin: await readFile(path.join(folder, name), 'utf8') }
    )
    if (code !== 0) throw new Error(stderr)
  }
  const { code, stderr } = await vpsExec(
    `cd /opt/diveops && echo 'GREETING=hello by hand' > .env && mkdir /tmp/login &&
DOCKER_CONFIG=/tmp/login docker login ghcr.io -u ${REGISTRY_USER} --password-stdin &&
docker --config /tmp/login pull ${IMAGE}:latest && rm -r /tmp/login && docker compose -f docker-compose.prod.yml up -d`,
    { user: 'captain', stdin: await registryToken() }
  )
  if (code !== 0) throw new Error(stderr)
}

async function underLoad<T>(what: () => Promise<T>) {
  const load = startLoad((await connection()).LAB_HTTP)
  const result = await what()
  return { result, seen: await load.stop() }
}

const roll = (digest: string, folder = workspace, options = {}) =>
  deployTiny(folder, { digest, strategy: 'roll' }, options)

test('an app that was put live by hand is adopted: no request is lost, and there is a way back', async () => {
  expect(await siteAgain(/^release r1, hello by hand/)).toBe('release r1, hello by hand')
  const { result, seen } = await underLoad(() => roll(digests.r2))
  expect([result.outputs.state, result.log]).toEqual(['live', expect.anything()])
  expect(result.log).toMatch(/the app ran here before diveops: what runs is now release \S+,/)
  expect(seen.lost).toEqual([])
  expect(Object.keys(seen.releases).sort()).toEqual(['r1', 'r2'])
  const adopted = result.outputs['previous-release'] as string
  expect(JSON.parse(await onServer(`cat releases/${adopted}/release.json`))).toMatchObject({
    adopted: true,
    image: `${IMAGE}@${digests.r1}`
  })

  const back = await underLoad(() => rollbackTiny())
  expect([back.result.outputs.state, back.result.log]).toEqual(['live', expect.anything()])
  expect(back.result.outputs.release).toBe(adopted)
  expect(back.seen.lost).toEqual([])
  expect(await site()).toMatch(/^release r1,/)

  const bad = await deployTiny(workspace, {
    digest: digests.unhealthy,
    strategy: 'roll',
    'health-timeout': '8s'
  })
  expect([bad.outputs.state, bad.log]).toEqual(['restored', expect.anything()])
  expect(await onServer('readlink current')).toBe(`releases/${adopted}\n`)
  expect(await site()).toMatch(/^release r1,/)
  await expectClean()
})

test('two deploys at once: the second says for whom it waits, and both end well, in order', async () => {
  let second: ReturnType<typeof roll> | undefined
  const first = await roll(digests.r2, workspace, {
    onOutput: (text: string) => {
      if (text.includes('→ upload')) second ??= roll(digests.r1)
    }
  })
  const last = await second
  expect([first.outputs.state, first.log]).toEqual(['live', expect.anything()])
  expect([last?.outputs.state, last?.log]).toEqual(['live', expect.anything()])
  expect(last?.log).toMatch(
    /waiting for https:\/\/github\.com\/nestorwheelock\/tiny\/actions\/runs\/42 by nestorwheelock since \d{4}-/
  )
  expect(last?.outputs['previous-release']).toBe(first.outputs.release)
  expect(await site()).toMatch(/^release r1,/)
})

test('a long release command goes on while the connection drops, runs once, and the deploy ends live', async () => {
  const folder = await checkout(
    "health: {bake: 1s}\nrelease:\n  - web: sh -c 'echo ran >> /data/slow; sleep 60; echo ended >> /data/slow'"
  )
  const lab = await connection()
  const wire = await startForwarder(lab.LAB_SSH_HOST, Number(lab.LAB_SSH_PORT))
  const inputs = {
    digest: digests.r2,
    strategy: 'roll',
    ...(await byPort(wire.port))
  }
  let dropped = false
  const outcome = await deployTiny(folder, inputs, {
    onOutput: text => {
      if (dropped || !text.includes('web: sh -c')) return
      dropped = true
      wire.reset()
    }
  })
  await wire.close()
  expect(dropped).toBe(true)
  expect([outcome.outputs.state, outcome.log]).toEqual(['live', expect.anything()])
  expect(outcome.log).toMatch(/::warning::.*connection lost while 'release' ran.*connecting again/)
  expect(await onServer('docker exec tiny-web-1 cat /data/slow')).toBe('ran\nended\n')
  expect(await site()).toMatch(/^release r2,/)
})

test('a cancelled roll goes back, and the journal says so', async () => {
  const folder = await checkout('health: {bake: 60s}\nrelease:')
  const cancel = new AbortController()
  const { result, seen } = await underLoad(() =>
    roll(digests.r1, folder, {
      cancel: cancel.signal,
      onOutput: (text: string) => text.includes('bake web') && cancel.abort()
    })
  )
  expect(result.code).toBe(1)
  expect(result.log).toContain('cancelled: no further step is started')
  // Within seconds; a host that is slower than that ends it by itself.
  expect(['restored', 'unknown', undefined]).toContain(result.outputs.state)
  const again = await roll(digests.r2, doubled)
  expect([again.outputs.state, again.log]).toEqual(['live', expect.anything()])
  expect(seen.lost).toEqual([])
  expect(await site()).toMatch(/^release r2,/)
  await expectClean(2)
})

test('a rollback after a deploy that broke off half-way leads to the release that it was to replace', async () => {
  const live = await onServer('readlink current')
  const bridges = () => onServer('docker ps -aq --filter name=_bridge- | wc -l')
  const killer = new AbortController()
  let struck: Promise<void> | undefined
  const killed = await roll(digests.r1, doubled, {
    kill: killer.signal,
    onOutput: (text: string) => {
      if (!text.includes('→ replace web')) return
      killer.abort()
      struck ??= rebootVps()
    }
  })
  await struck
  expect(killed.code).toBe(null)
  expect(await siteAgain(/^release r[12],/)).toMatch(/^release r[12],/)
  expect(await bridges()).toBe('2\n')
  const back = await rollbackTiny()
  expect([back.outputs.state, back.log]).toEqual(['live', expect.anything()])
  expect(back.log).toMatch(
    /a deploy of release \S+ broke off half-way \(https:\/\/github\.com\/nestorwheelock\/tiny\/actions\/runs\/42 by nestorwheelock, \S+\); putting release \S+ live, with every service made anew/
  )
  expect(await onServer('readlink current')).toBe(live)
  expect(await site()).toMatch(/^release r2,/)
  expect(await onServer('ls -d releases/* | wc -l')).toBe(
    await onServer('ls releases/*/release.json | wc -l')
  )
  await expectClean(2)
})

test('a loss of power after a release was recorded as live takes nothing back', async () => {
  let slowed: Promise<unknown> | undefined
  let struck: Promise<unknown> | undefined
  // What comes after the record takes its time, so that the power goes just then.
  const slow = () =>
    vpsExec(`mv /usr/bin/wc /usr/bin/wc.real
printf '#!/bin/sh\\n[ "$*" != -l ] || sleep 300\\nexec /usr/bin/wc.real "$@"\\n' > /usr/bin/wc && chmod 755 /usr/bin/wc`)
  const strike = async () => {
    await slowed
    await vpsExec('mv -f /usr/bin/wc.real /usr/bin/wc')
    await rebootVps()
  }
  const outcome = await roll(digests.r1, doubled, {
    onOutput: (text: string) => {
      // What is adopted is recorded and pruned, too, before that.
      if (text.includes('→ bake web')) slowed ??= slow()
      if (slowed && text.includes('→ prune')) struck ??= strike()
    }
  })
  await struck
  expect([struck !== undefined, outcome.log]).toEqual([true, expect.anything()])
  expect([outcome.outputs.state, outcome.log]).toEqual(['live', expect.anything()])
  expect(outcome.log).toMatch(/step 'prune' broke off on .*; release \S+ was live by then/)
  expect(await onServer('readlink -e current')).toBe(
    `/opt/diveops/releases/${outcome.outputs.release}\n`
  )
  expect(await siteAgain(/^release r1,/)).toMatch(/^release r1,/)
  await expectClean(2)
})

test('a registry that goes away when an image is pulled leaves the server as it was', async () => {
  const digest = await buildTiny('r4')
  const before = await snapshot()
  let stopping: Promise<void> | undefined
  try {
    const outcome = await roll(digest, workspace, {
      onOutput: (text: string) => {
        if (text.includes('→ pull')) stopping ??= stopRegistry()
      }
    })
    await stopping
    expect([outcome.outputs.state, outcome.log]).toEqual(['untouched', expect.anything()])
    expect(outcome.log).toMatch(
      /::error::.*image ghcr\.io\/nestorwheelock\/tiny@sha256:\w+ could not be pulled in three tries: \S/
    )
  } finally {
    if (stopping) await startRegistry()
  }
  expect(await snapshot()).toBe(before)
  const again = await roll(digest)
  expect([again.outputs.state, again.log]).toEqual(['live', expect.anything()])
})

test('two containers that a release declared are one again when the next one declares none', async () => {
  const two = await roll(digests.r1, doubled)
  expect([two.outputs.state, two.log]).toEqual(['live', expect.anything()])
  const { result, seen } = await underLoad(() => roll(digests.r2))
  expect([result.outputs.state, result.log]).toEqual(['live', expect.anything()])
  expect(seen.lost).toEqual([])
  await expectClean()
})

/** What is there, on the server, when a pull has come to some moment. */
const MOMENTS = {
  'in the middle of a layer':
    "find /var/lib/docker/tmp -name 'GetImageBlob*' -size +2M | grep -q .",
  'between two layers': "grep -qs 'Download complete' /tmp/*/pull.out /dev/shm/*/pull.out"
}
const CUT = 'OUTPUT -p tcp -d ghcr.io --dport 443 -j REJECT --reject-with tcp-reset'

const ENGINE = '/etc/docker/daemon.json'
/** The engine takes its options anew. */
const HEED = 'kill -HUP "$(cat /run/docker.pid)"'

/** Cuts the server off from the registry at that moment: what is under way breaks off, too. */
async function cutOff(moment: keyof typeof MOMENTS): Promise<void> {
  const { code, stderr } = await vpsExec(`for tries in $(seq 3000); do
  if ${MOMENTS[moment]}; then exec iptables -I ${CUT}; fi
  sleep 0.01
done
echo 'it did not come' >&2; exit 1`)
  if (code !== 0) throw new Error(`${moment}: ${stderr}`)
}

async function join(): Promise<void> {
  await vpsExec(`while iptables -D ${CUT}; do :; done 2> /dev/null`)
}

/** An image of six layers that do not compress. */
function buildLayers(release: string): Promise<string> {
  const layer = 'RUN head -c 12000000 /dev/urandom > /ballast'
  const lines = Array.from({ length: 6 }, (_, at) => `${layer}-${at}`)
  return buildTiny(release, 'good', lines.join('\n'))
}

describe('a registry that goes away while an image is pulled', () => {
  // One layer after the other, and no patience of the engine's own, which is nearly a minute.
  const impatient = '"max-concurrent-downloads": 1, "max-download-attempts": 1,'
  beforeAll(() => vpsExec(`sed -i.kept 's#^{#{${impatient}#' ${ENGINE} && ${HEED}`))
  afterAll(() => vpsExec(`mv ${ENGINE}.kept ${ENGINE} && ${HEED}`))

  test('in the middle of a layer leaves the server as it was', async () => {
    const digest = await buildLayers('r5')
    const before = await snapshot()
    let cutting: Promise<void> | undefined
    try {
      const outcome = await roll(digest, workspace, {
        onOutput: (text: string) => {
          if (text.includes('→ pull')) cutting ??= cutOff('in the middle of a layer')
        }
      })
      await cutting
      expect([outcome.outputs.state, outcome.log]).toEqual(['untouched', expect.anything()])
      const errors = outcome.log.split('\n').filter(line => line.startsWith('::error::'))
      expect(errors).toEqual([
        expect.stringMatching(/image \S+ could not be pulled in three tries: .*ghcr\.io/)
      ])
    } finally {
      await join()
    }
    expect(await snapshot()).toBe(before)
  })

  test('between two layers and comes back is waited for', async () => {
    let cutting: Promise<void> | undefined
    const digest = await buildLayers('r6')
    const outcome = await roll(digest, workspace, {
      onOutput: (text: string) => {
        if (text.includes('→ pull')) {
          cutting ??= cutOff('between two layers')
            .then(() => sleep(2000))
            .finally(join)
        }
      }
    })
    await cutting
    expect([outcome.outputs.state, outcome.log]).toEqual(['live', expect.anything()])
    expect(await site()).toMatch(/^release r6,/)
  })
})

test('a host whose clock is off by an hour is deployed to, with a warning', async () => {
  await vpsExec(`mv /usr/bin/date /usr/bin/date.real
printf '#!/bin/sh\\nexec /usr/bin/date.real -d "+1 hour" "$@"\\n' > /usr/bin/date && chmod 755 /usr/bin/date`)
  try {
    const outcome = await roll(digests.r1)
    expect([outcome.outputs.state, outcome.log]).toEqual(['live', expect.anything()])
    expect(outcome.log).toMatch(/::warning::the clock of the host is off by 3\d{3} s; set it there/)
  } finally {
    await vpsExec('mv -f /usr/bin/date.real /usr/bin/date')
  }
})
