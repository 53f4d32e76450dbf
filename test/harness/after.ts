import { expect } from '@jest/globals'
import { onServer } from './tiny.ts'

/** What each container of the server is: its name, id and when it was started. */
const containers = () =>
  onServer(
    'docker ps -aq | xargs docker inspect -f "{{.Name}} {{.Id}} {{.State.StartedAt}}" | sort'
  )

/** Nothing of a roll is left: no bridge, no pin in any container, and compose has nothing to do. */
export async function expectClean(webs = 1): Promise<void> {
  const names = ['proxy-1', 'store-1', ...Array.from({ length: webs }, (_, at) => `web-${at + 1}`)]
  expect(await onServer('docker ps -a --format "{{.Names}}" | sort')).toBe(
    names.map(name => `tiny-${name}\n`).join('')
  )
  for (const name of names) {
    const hosts = await onServer(`docker exec tiny-${name} cat /etc/hosts`)
    expect([name, hosts]).toEqual([name, expect.stringContaining('localhost')])
    expect([name, hosts]).toEqual([name, expect.not.stringContaining('roll of')])
  }
  const before = await containers()
  await onServer('docker compose -f docker-compose.prod.yml up -d')
  expect(await containers()).toBe(before)
}

/** Every POST was applied once, none was lost. */
export async function expectApplied(posted: readonly string[]): Promise<void> {
  const applied = (await onServer('docker exec tiny-web-1 cat /data/bookings')).split('\n')
  const times = posted.map(key => applied.filter(line => line === key).length)
  expect(posted.filter((_, at) => times[at] !== 1)).toEqual([])
}
