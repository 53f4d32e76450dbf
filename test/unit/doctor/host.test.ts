import { expect, test } from '@jest/globals'
import { parseConfig } from '../../../packages/core/src/app/config.ts'
import type { Facts } from '../../../packages/core/src/deploy/facts.ts'
import { HOST_PROBES, hostRows } from '../../../packages/core/src/doctor/host.ts'
import { factsAt } from '../../harness/facts.ts'

type Name = keyof typeof HOST_PROBES

const now = Date.UTC(2026, 10, 24)
const facts = factsAt(now)

/** What /proc/meminfo has, in megabytes. */
function memory(total: number, available: number, swap = 0): string {
  const names = { MemTotal: total, MemAvailable: available, SwapTotal: swap, SwapFree: swap }
  return Object.entries(names)
    .map(([name, mb]) => `${name}: ${mb * 1024}`)
    .join('\n')
}

const texts: Partial<Record<Name, string>> = {
  cpus: '2',
  hostMemory: memory(4096, 2000, 1024),
  disk: '/dev/sda1 41152736 9000000 30000000 25% /',
  inodes: '/dev/sda1 2621440 200000 2421440 8% /\n/dev/sda1 2621440 200000 2421440 8% /'
}

/** The row of one thing, on a good server but for what is given. */
function row(
  name: string,
  changed: Partial<Record<Name, string>> = {},
  other: Partial<Facts> = {}
) {
  const sections = Object.fromEntries(
    Object.keys(HOST_PROBES).map(one => {
      const text = changed[one as Name] ?? texts[one as Name] ?? ''
      return [one, { text, code: text === '' ? 1 : 0 }]
    })
  ) as Record<Name, { text: string; code: number }>
  const rows = hostRows({
    facts: { ...facts, ...other },
    config: parseConfig(''),
    project: undefined,
    compose: { file: 'docker-compose.prod.yml', there: false },
    host: 'deploy@host',
    now,
    sections
  })
  return rows.find(one => one.name === name)
}

test('a recommended server is good in every row', () => {
  for (const name of [
    'processors',
    'memory',
    'disk',
    'swap',
    'memory left',
    'disk left',
    'inodes',
    'clock'
  ]) {
    expect(row(name)).toMatchObject({ severity: 'ok' })
  }
})

test.each<[string, Partial<Record<Name, string>>, string, string]>([
  ['memory', { hostMemory: memory(1980, 900, 1) }, 'hint', '2.1 GB'],
  ['memory', { hostMemory: memory(960, 500, 1) }, 'warning', '1.0 GB'],
  ['processors', { cpus: '1' }, 'hint', '1'],
  ['disk', { disk: '/dev/sda1 20145724 9 9 25% /' }, 'hint', '20.6 GB'],
  ['disk', { disk: '/dev/sda1 10145724 9 9 25% /' }, 'warning', '10.4 GB'],
  ['disk left', { disk: '/dev/sda1 41152736 9 4000000 25% /' }, 'warning', '4.1 of 42.1 GB free'],
  ['disk left', { disk: '' }, 'hint', 'could not be read'],
  ['swap', { hostMemory: memory(1980, 900) }, 'warning', 'none'],
  ['swap', { hostMemory: memory(8000, 900) }, 'ok', 'none'],
  ['memory left', { hostMemory: memory(4000, 100) }, 'warning', '100 MB available'],
  ['inodes', { inodes: '/dev/sda1 65536 65500 36 100% /' }, 'error', '36 free'],
  ['inodes', { inodes: '/dev/sda1 0 0 0 - /' }, 'ok', 'not counted by this file system'],
  ['reboot', { reboot: 'linux-image-amd64' }, 'warning', 'required'],
  ['firewall', { firewall: 'ufw' }, 'hint', 'ufw'],
  [
    'killed for lack of memory',
    { killed: 'x Out of memory: Killed process 71 (postgres) total-vm:1kB' },
    'warning',
    'postgres'
  ],
  ['killed for lack of memory', { ooms: '      2 app-web-1' }, 'warning', 'app-web-1 2x']
])('%s of %j is a %s', (name, changed, severity, found) => {
  expect(row(name, changed)).toMatchObject({ severity, found })
})

test('a clock that is off, a login as root, a port that somebody has', () => {
  expect(row('clock', {}, { clock: now / 1000 - 3600 })).toMatchObject({
    severity: 'warning',
    found: 'off by 3600 s',
    next: 'set it there: sudo timedatectl set-ntp true'
  })
  expect(row('user', {}, { user: 'root', groups: ['root'] })).toMatchObject({ severity: 'hint' })
  expect(row('port 80', {}, { listening: [{ port: 80, program: "'apache2'" }] })).toMatchObject({
    severity: 'hint',
    found: "used by 'apache2'"
  })
})
