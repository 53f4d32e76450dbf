import { expect } from '@jest/globals'
import { onServer } from './tiny.ts'

/** Nothing of a roll is left: no bridge, no pin, and compose has nothing to do. */
export async function expectClean(): Promise<void> {
  expect(await onServer('docker ps -a --format "{{.Names}}" | sort')).toBe(
    'tiny-proxy-1\ntiny-store-1\ntiny-web-1\n'
  )
  expect(await onServer('docker exec tiny-proxy-1 cat /etc/hosts')).not.toContain('roll of')
  const said = await onServer('docker compose -f docker-compose.prod.yml up -d')
  expect(said).not.toMatch(/Creat|Recreat|Start/)
}

/** Every POST was applied once, none was lost. */
export async function expectApplied(posted: readonly string[]): Promise<void> {
  const applied = (await onServer('docker exec tiny-web-1 cat /data/bookings')).split('\n')
  const times = posted.map(key => applied.filter(line => line === key).length)
  expect(posted.filter((_, at) => times[at] !== 1)).toEqual([])
}
