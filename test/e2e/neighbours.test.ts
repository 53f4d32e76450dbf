import { resetVps, up, vpsExec } from '@diveops/lab'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import {
  buildTiny,
  checkoutTiny,
  deployTiny,
  edit,
  IMAGE,
  onServer,
  removeAll,
  rollbackTiny,
  site
} from '../harness/tiny.ts'

jest.setTimeout(300_000)

const folders: string[] = []

beforeAll(async () => {
  await up(() => {})
  await resetVps()
})
afterAll(() => removeAll(folders))

async function asRoot(script: string): Promise<string> {
  const { code, stdout, stderr } = await vpsExec(`set -e\n${script}`)
  if (code !== 0) throw new Error(`${script}: ${stdout}${stderr}`)
  return stdout
}

/** What another app on the same server has: containers, images by tag and by id, volumes, networks, files. */
function othersThings(): Promise<string> {
  return asRoot(`docker ps -aq --no-trunc --filter label=com.docker.compose.project=other | sort | xargs docker inspect -f '{{.Id}} {{.State.Status}} {{.State.StartedAt}}'
docker image ls -aq --no-trunc --filter label=other | sort -u
docker image ls --filter label=other --format '{{.Repository}} {{.Tag}}' | sort
docker volume ls -q | grep other
docker run --rm -v other_data:/data nginx:alpine cat /data/rows
docker network ls --no-trunc --filter label=com.docker.compose.project=other --format '{{.ID}}'
cat /opt/other/compose.yml`)
}

test('another app on the server is not touched by deploys, a way back and what they prune', async () => {
  await asRoot(`mkdir -p /opt/other && cd /opt/other
for depth in 10 20 30; do
  printf 'FROM nginx:alpine\\nLABEL other=%s\\n' "$depth" | docker build -q -t other/app -
done > /dev/null
docker tag other/app other/app:kept
cat > compose.yml <<'FILE'
name: other
services:
  web: {image: 'other/app', volumes: ['data:/data']}
  stopped: {image: 'other/app:kept'}
volumes: {data: {}}
FILE
docker compose up -d --quiet-pull 2> /dev/null
docker compose stop stopped 2> /dev/null
docker compose exec -T web sh -c 'echo row > /data/rows'
docker volume create other_unused > /dev/null`)
  const before = await othersThings()
  expect(before).toContain('<none> <none>')
  expect(before).toContain('other_unused')
  const workspace = await checkoutTiny(copy =>
    edit(copy, 'diveops.yml', 'release:', 'keep: 2\nrelease:')
  )
  folders.push(workspace)
  for (const name of ['r1', 'r2', 'r3']) {
    const outcome = await deployTiny(workspace, { digest: await buildTiny(name) })
    expect(outcome.outputs.state).toBe('live')
  }
  expect(await onServer('ls releases | wc -l')).toBe('2\n')
  expect((await rollbackTiny({ strategy: 'recreate' })).outputs.state).toBe('live')
  expect(await site()).toBe('release r2, hello from the template')
  expect(await othersThings()).toBe(before)
})

test('on a disk that is too small the oldest kept releases give way first, then it is said', async () => {
  // Each release has 20 MB of its own, which do not compress, on what all of them share.
  const ballast = 'RUN head -c 20000000 /dev/urandom > /ballast'
  const digests: string[] = []
  for (const name of ['s1', 's2', 's3', 's4']) digests.push(await buildTiny(name, 'good', ballast))
  await asRoot(`lab-engine stop
mkdir -p /small && mount -t tmpfs -o size=2g tmpfs /small
cp /etc/docker/daemon.json /root/daemon.json
sed 's#^{#{"data-root": "/small",#' /root/daemon.json > /etc/docker/daemon.json
lab-engine start
install -d -o captain /opt/small`)
  try {
    const workspace = await checkoutTiny(async copy => {
      await edit(copy, 'docker-compose.prod.yml', 'image: nginx:alpine', `image: ${IMAGE}:latest`)
      await edit(copy, 'docker-compose.prod.yml', 'image: redis:7-alpine', `image: ${IMAGE}:latest`)
    })
    folders.push(workspace)
    const deploy = (digest: string) => deployTiny(workspace, { digest, path: '/opt/small' })
    const releases: string[] = []
    for (const digest of digests.slice(0, 3)) {
      const outcome = await deploy(digest)
      expect(outcome.outputs.state).toBe('live')
      releases.push(outcome.outputs.release as string)
    }
    // Room for less than the new image, and for more than it once the oldest release is gone.
    await asRoot(`used=$(df -Pm /small | awk 'END { print $3 }')
mount -o remount,size=$((used + 40))m /small`)
    const fourth = await deploy(digests[3] as string)
    expect(fourth.outputs.state).toBe('live')
    expect(fourth.log).toContain(
      `::warning::release ${releases[0]} was removed, because the disk is too small to keep it beside the new image`
    )
    expect(fourth.log).not.toContain(`release ${releases[1]} was removed`)
    const [, second, third] = releases
    releases.push(fourth.outputs.release as string)
    expect(await asRoot('ls /opt/small/releases')).toBe(
      [second, third, releases[3]].map(id => `${id}\n`).join('')
    )
    const images = await asRoot('docker image ls --no-trunc --digests')
    for (const [index, digest] of digests.entries()) {
      if (index === 0) expect(images).not.toContain(digest)
      else expect(images).toContain(digest)
    }

    // What one more release frees is not enough; the live one and the one before it stay.
    await asRoot(`used=$(df -Pm /small | awk 'END { print $3 }')
mount -o remount,size=$((used + 5))m /small`)
    const fifth = await deploy(digests[0] as string)
    expect(fifth.outputs.state).toBe('untouched')
    expect(fifth.log).toContain(`::warning::release ${second} was removed`)
    expect(fifth.log).toMatch(
      /::error::the disk of the host is too small for image \S+: it needs about \d+ MB and \d+ MB are free/
    )
    expect(await asRoot('ls /opt/small/releases')).toBe(`${third}\n${releases[3]}\n`)
    expect(await asRoot('docker image ls --no-trunc --digests')).toContain(digests[2] as string)
  } finally {
    await vpsExec(`lab-engine stop; umount /small; cp /root/daemon.json /etc/docker/daemon.json
lab-engine start; rm -rf /opt/small`)
  }
})
