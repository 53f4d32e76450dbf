import { resetVps, up, vpsExec } from '@diveops/lab'
import { beforeAll, expect, jest, test } from '@jest/globals'
import {
  buildTiny,
  checkoutTiny,
  deployTiny,
  edit,
  onServer,
  rollbackTiny,
  site
} from '../harness/tiny.ts'

jest.setTimeout(300_000)

beforeAll(async () => {
  await up(() => {})
  await resetVps()
})

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
  for (const name of ['r1', 'r2', 'r3']) {
    const outcome = await deployTiny(workspace, { digest: await buildTiny(name) })
    expect(outcome.outputs.state).toBe('live')
  }
  expect(await onServer('ls releases | wc -l')).toBe('2\n')
  expect((await rollbackTiny({ strategy: 'recreate' })).outputs.state).toBe('live')
  expect(await site()).toBe('release r2, hello from the template')
  expect(await othersThings()).toBe(before)
})
