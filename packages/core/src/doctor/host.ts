import { errorMessage } from '../base/errors.ts'
import { judgeApp, judgeHost } from '../deploy/preflight.ts'
import { type Row, rowsOf } from '../deploy/row.ts'
import { linesOf, type Seen } from './seen.ts'

/** What the host itself is like, beside what the preflight of a deploy reads. */
export const HOST_PROBES = {
  system: `. /etc/os-release 2> /dev/null; echo "\${PRETTY_NAME:-$(uname -s)}, $(uname -m), $(uname -r)"`,
  cpus: 'nproc 2> /dev/null || getconf _NPROCESSORS_ONLN',
  hostMemory: `awk '{ print $1, $2 }' /proc/meminfo | grep -E '^(MemTotal|MemAvailable|SwapTotal|SwapFree):'`,
  disk: `d=$(docker info -f '{{.DockerRootDir}}' 2> /dev/null); [ -e "$d" ] || d=/; df -Pk "$d" | tail -n 1; df -Pi "$d" | tail -n 1`,
  inodes: 'd=$P; while [ ! -e "$d" ]; do d=$(dirname "$d"); done; df -Pi "$d" | tail -n 1',
  reboot:
    '[ -f /run/reboot-required ] || exit 1; sort -u /run/reboot-required.pkgs 2> /dev/null; exit 0',
  killed: `dmesg 2> /dev/null | grep -E 'Out of memory: Killed process' | tail -n 3
journalctl -kq --since -7d --no-pager 2> /dev/null | grep -E 'Out of memory: Killed process' | tail -n 3`,
  ooms: `docker events --since 168h --until "$(date +%s)" --filter event=oom --format '{{.Actor.Attributes.name}}' 2> /dev/null | sort | uniq -c`,
  firewall: `grep -ixs 'ENABLED=yes' /etc/ufw/ufw.conf > /dev/null && echo ufw
[ "$(systemctl is-active firewalld 2> /dev/null)" != active ] || echo firewalld`
}

type HostSeen = Seen<keyof typeof HOST_PROBES>

const { ok, hint, warning, error, check } = rowsOf('host')

/** What a server must have and what it should have; sizes in GB as hosters count them. */
const MINIMUM = { cpus: 1, memory: 2, disk: 20 }
const RECOMMENDED = { cpus: 2, memory: 4, disk: 40 }
/** Firmware, kernel and file system take their part of what a hoster sells. */
const SOLD = 0.9
const KB_PER_GB = 1e6 / 1.024
const FEW_INODES = 10_000
/** With less of the disk free the next releases and backups make it full before somebody looks again. */
const LEAST_PART = 0.1

/** Rows of the host: what a deploy checks before it begins, and the server's own health. */
export function hostRows(seen: HostSeen): Row[] {
  const { facts, config, host, now } = seen
  const checks = judgeHost(facts, config, host, now).filter(({ name }) => name !== 'compose file')
  return [
    ok('system', seen.sections.system.text),
    userRow(seen),
    ...checks.map(check),
    diskLeftRow(seen),
    inodesRow(seen),
    ...requirementRows(seen),
    ...memoryRows(seen),
    ...portRows(seen),
    firewallRow(seen),
    rebootRow(seen)
  ]
}

function userRow({ facts: { user, groups } }: HostSeen): Row {
  const found = `${user} (${groups.join(' ')})`
  if (user !== 'root') return ok('user', found)
  return hint('user', found, {
    cause: 'a deploy needs no root',
    next: 'sudo adduser deploy && sudo usermod -aG docker deploy, and give that user the key'
  })
}

function diskLeftRow({ sections }: HostSeen): Row {
  const [, size, , free] = (linesOf(sections.disk)[0] ?? '').split(/\s+/).map(Number)
  if (!size || free === undefined || !Number.isFinite(free)) {
    return hint('disk left', 'could not be read')
  }
  const found = `${(free / KB_PER_GB).toFixed(1)} of ${(size / KB_PER_GB).toFixed(1)} GB free`
  if (free >= size * LEAST_PART) return ok('disk left', found)
  return warning('disk left', found, {
    cause: 'it is nearly full: the next release or backup may find no room',
    next: 'docker system df, then remove what is not needed'
  })
}

function inodesRow({ sections }: HostSeen): Row {
  const lines = [...linesOf(sections.inodes), ...linesOf(sections.disk).slice(1)]
  const free = lines.map(line => Number(line.split(/\s+/)[3]))
  const least = Math.min(...free)
  // File systems such as btrfs count none.
  if (!(least >= 0) || lines.some(line => /\s-\s/.test(line))) {
    return ok('inodes', 'not counted by this file system')
  }
  const found = `${least} free`
  if (least >= FEW_INODES) return ok('inodes', found)
  return error('inodes', found, {
    cause: 'with no inode left no file can be made, whatever space is free',
    next: 'docker system df, then remove what is not needed'
  })
}

function requirementRows({ sections }: HostSeen): Row[] {
  const [, size] = sections.disk.text.split(/\s+/)
  return [
    requirement('processors', 'cpus', Number(sections.cpus.text), ''),
    requirement('memory', 'memory', memoryOf(sections, 'MemTotal') / KB_PER_GB, ' GB'),
    requirement('disk', 'disk', Number(size) / KB_PER_GB, ' GB')
  ]
}

function requirement(name: string, of: keyof typeof MINIMUM, has: number, unit: string): Row {
  if (!Number.isFinite(has) || has === 0) return hint(name, 'could not be read')
  const found = `${unit === '' ? has : has.toFixed(1)}${unit}`
  const [least, enough] = [MINIMUM[of], RECOMMENDED[of]]
  const part = unit === '' ? 1 : SOLD
  if (has < least * part) {
    return warning(name, found, {
      cause: `less than the least that the stack needs (${least}${unit})`,
      next: 'take a larger server'
    })
  }
  if (has >= enough * part) return ok(name, found)
  return hint(name, found, {
    cause: `enough for a small stack; ${enough}${unit} are recommended for production`
  })
}

function memoryOf({ hostMemory }: HostSeen['sections'], name: string): number {
  const line = linesOf(hostMemory).find(one => one.startsWith(`${name}:`))
  return Number(line?.split(' ')[1])
}

function memoryRows({ sections }: HostSeen): Row[] {
  const [total, available] = [memoryOf(sections, 'MemTotal'), memoryOf(sections, 'MemAvailable')]
  const [swap, free] = [memoryOf(sections, 'SwapTotal'), memoryOf(sections, 'SwapFree')]
  const left = `${Math.round(available / 1024)} MB available`
  const small = total < RECOMMENDED.memory * SOLD * KB_PER_GB
  const killed = [...linesOf(sections.killed)].map(
    line => /process \d+ \(([^)]+)\)/.exec(line)?.[1]
  )
  const ooms = linesOf(sections.ooms).map(line => line.trim().split(/\s+/).reverse())
  return [
    available < total * 0.05
      ? warning('memory left', left, {
          cause: 'a roll starts a second web beside the first, and there is no room for it',
          next: 'docker stats --no-stream'
        })
      : ok('memory left', left),
    swap > 0
      ? ok('swap', `${Math.round(swap / 1024)} MB, ${Math.round((swap - free) / 1024)} MB used`)
      : (small ? warning : ok)('swap', 'none', {
          ...(small && {
            cause: 'with little memory and no swap the kernel ends processes, the database too',
            next: 'sudo fallocate -l 2G /swapfile && sudo chmod 600 /swapfile && sudo mkswap /swapfile && sudo swapon /swapfile'
          })
        }),
    killed.length > 0
      ? warning('killed for lack of memory', [...new Set(killed)].join(', '), {
          cause: 'the kernel ran out of memory and ended these processes',
          next: 'add swap or memory, or give services a mem_limit'
        })
      : ooms.length > 0
        ? warning('killed for lack of memory', ooms.map(([box, n]) => `${box} ${n}x`).join(', '), {
            cause: 'processes in these containers needed more than their mem_limit (last 7 days)',
            next: 'raise the mem_limit in the compose file, or find what takes the memory: docker stats --no-stream'
          })
        : ok('killed for lack of memory', 'nothing that can be seen')
  ]
}

function portRows({ facts, config, project, host }: HostSeen): Row[] {
  if (project) {
    try {
      return judgeApp(facts, { ...config, release: [] }, project, host).map(check)
    } catch (thrown) {
      return [error('ports', 'not judged', { cause: errorMessage(thrown) })]
    }
  }
  return [80, 443].map(port => {
    const owner = facts.listening.find(one => one.port === port)
    if (!owner) return ok(`port ${port}`, 'free')
    return hint(`port ${port}`, `used by ${owner.program}`, {
      cause: 'an app that publishes this port cannot start beside it'
    })
  })
}

function firewallRow({ sections }: HostSeen): Row {
  const on = linesOf(sections.firewall)
  if (on.length === 0) return ok('firewall', 'none seen')
  return hint('firewall', on.join(', '), {
    cause: 'Docker publishes ports past it: what a compose file publishes is open to all',
    next: "publish only ports 80 and 443; write others as '127.0.0.1:PORT:PORT'"
  })
}

function rebootRow({ sections: { reboot } }: HostSeen): Row {
  if (reboot.code !== 0) return ok('reboot', 'not required')
  const packages = linesOf(reboot)
  return warning('reboot', 'required', {
    cause: `updates wait for it${packages.length > 0 ? `: ${packages.join(', ')}` : ''}`,
    next: 'sudo reboot, when few visitors are there'
  })
}
