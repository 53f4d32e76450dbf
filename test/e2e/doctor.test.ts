import { resetVps, up, vpsExec } from '@diveops/lab'
import { beforeAll, expect, jest, test } from '@jest/globals'
import {
  addServices,
  asRoot,
  checkoutPatient,
  compose,
  deployPatient,
  doctor,
  removeServices,
  row
} from '../harness/patient.ts'
import { onServer, snapshot } from '../harness/tiny.ts'

jest.setTimeout(600_000)

let workspace = ''
const IN = 'cd /opt/diveops && docker compose -f docker-compose.prod.yml'

beforeAll(async () => {
  await up(() => {})
  await resetVps()
  workspace = await checkoutPatient()
})

test('a server before its first deploy has nothing to mend', async () => {
  const { outcome, problems } = await doctor()
  expect(problems).toEqual([])
  expect(outcome.outputs.healthy).toBe('true')
  expect(outcome.log).toContain('app: none in /opt/diveops')
  expect(outcome.code).toBe(0)
})

test('an engine that does not run, or that the user may not use, is said first and alone', async () => {
  await asRoot('gpasswd -d captain docker')
  const closed = await doctor()
  await asRoot('gpasswd -a captain docker; lab-engine stop')
  const stopped = await doctor()
  await asRoot('lab-engine start')
  expect(row(closed, 'host', 'Docker engine')).toMatchObject({
    cause: expect.stringContaining("user 'captain' may not use the Docker socket"),
    next: 'on the host run: sudo usermod -aG docker captain'
  })
  expect(row(stopped, 'host', 'Docker engine')).toMatchObject({
    cause: expect.stringContaining('does not answer'),
    next: 'on the host run: sudo systemctl start docker'
  })
  for (const { outcome, problems } of [closed, stopped]) {
    expect(problems.map(({ area }) => area)).toEqual(['host'])
    expect(outcome.outputs.healthy).toBe('false')
    expect(outcome.code).toBe(1)
  }
})

test('a host that lacks memory, space, inodes, a port, a reboot and care', async () => {
  await asRoot(`set -e
awk '/^MemTotal/ { $2 = 1010000 } /^MemAvailable/ { $2 = 30000 } { print }' /proc/meminfo > /tmp/meminfo
mount --bind /tmp/meminfo /proc/meminfo
mkdir /mnt/small && mount -t tmpfs -o size=20m,nr_inodes=100,mode=777 tmpfs /mnt/small
touch /run/reboot-required; echo linux-image-amd64 > /run/reboot-required.pkgs
mkdir -p /etc/ufw; echo ENABLED=yes > /etc/ufw/ufw.conf
mv /etc/ssh/sshd_config.d/lab.conf /tmp/
mkdir -p /home/captain/.docker
printf '{\\n\\t"auths": {\\n\\t\\t"ghcr.io": {\\n\\t\\t\\t"auth": "Z2hwX2xlZnQ6Z2hwX2xlZnQ="\\n\\t\\t}\\n\\t}\\n}' > /home/captain/.docker/config.json
chown -R captain /home/captain/.docker
docker run -d --name stranger -p 80:80 -v /var/run/docker.sock:/var/run/docker.sock redis:7-alpine`)
  const found = await doctor({ path: '/mnt/small', 'fail-on': 'never' })
  await asRoot(`umount /proc/meminfo /mnt/small; rmdir /mnt/small
rm -rf /run/reboot-required* /etc/ufw /home/captain/.docker
mv /tmp/lab.conf /etc/ssh/sshd_config.d/; docker rm -f stranger`)
  expect(found.outcome.code).toBe(0)
  expect(found.outcome.outputs.healthy).toBe('false')
  const host = (name: string) => row(found, 'host', name)
  expect(host('space for files')).toMatchObject({ severity: 'error', found: '20 MB free' })
  expect(host('inodes')).toMatchObject({
    severity: 'error',
    found: expect.stringMatching(/^\d\d free/)
  })
  expect(host('memory')).toMatchObject({
    severity: 'warning',
    found: '1.0 GB',
    cause: 'less than the least that the stack needs (2 GB)'
  })
  expect(host('memory left')).toMatchObject({ found: '29 MB available' })
  expect(host('swap')).toMatchObject({ next: expect.stringContaining('swapon') })
  expect(host('reboot')).toMatchObject({ cause: 'updates wait for it: linux-image-amd64' })
  expect(found.outcome.log).toContain("port 80: used by container 'stranger'")
  expect(found.outcome.log).toContain('firewall: ufw')
  expect(found.outcome.log).toContain('password login: not switched off')
  expect(row(found, 'safety', 'registry logins')).toMatchObject({ next: 'docker logout ghcr.io' })
  expect(row(found, 'safety', 'Docker socket')).toMatchObject({ found: 'mounted in stranger' })
  expect(found.outcome.log).not.toContain('Z2hwX2xlZnQ')
})

test('a healthy app is healthy, by one connection, and nothing on the server is changed', async () => {
  await deployPatient(workspace, 'r1')
  await asRoot(': > /var/log/sshd.log')
  const before = await snapshot()
  const { outcome, problems } = await doctor({ 'fail-on': 'warning' })
  expect(await snapshot()).toBe(before)
  expect(problems).toEqual([])
  expect(outcome.code).toBe(0)
  expect(outcome.summary).toContain('### Doctor: 127.0.0.1')
  expect(outcome.summary).toContain('| ✅ | site: http://localhost | answers 200 |')
  expect(outcome.summary).toContain('| ✅ | static files: /static/ | answers 200 for app.css |')
  expect(outcome.summary).toMatch(/database: db \| accepts connections, PostgreSQL \d+/)
  expect(await asRoot("grep -c 'Connection from' /var/log/sshd.log")).toBe('1\n')
})

test('containers that ended, restart in a loop, are unhealthy, or never were', async () => {
  await asRoot(`mkdir /tmp/foreign && cd /tmp/foreign && echo nonsense > run && chmod +x run && tar -cf - run | docker import --platform linux/arm64 -c 'CMD ["/run"]' - foreign:1
docker run -d --name stranger -p 5000:6379 redis:7-alpine`)
  const names = ['ends', 'loops', 'hungry', 'sick', 'foreign', 'lost', 'clash']
  await addServices(
    `  ends:
    image: ghcr.io/nestorwheelock/tiny:latest
    env_file: .env
    command: [python3, -c, "import os; print('with', os.environ['POSTGRES_PASSWORD']); raise SystemExit(7)"]
  loops:
    image: ghcr.io/nestorwheelock/tiny:latest
    command: [python3, -c, "import os; os.environ['GREETING_KEY']"]
    restart: always
  hungry:
    image: ghcr.io/nestorwheelock/tiny:latest
    command: [python3, -c, "b'x' * (300 * 1024 * 1024)"]
    mem_limit: 32m
    memswap_limit: 32m
  sick:
    image: redis:7-alpine
    healthcheck: {test: [CMD-SHELL, "echo no depth today; exit 1"], interval: 1s, retries: 1}
  foreign: {image: "foreign:1"}
  lost: {image: "ghcr.io/nestorwheelock/lost:1"}
  clash:
    image: redis:7-alpine
    ports: ["5000:6379"]`,
    names
  )
  await compose('stop store && docker pause tiny-worker-1')
  const found = await doctor()
  await onServer('docker unpause tiny-worker-1')
  await compose('start store')
  await removeServices(names)
  await asRoot('docker rm -f stranger; docker image rm foreign:1; rm -r /tmp/foreign')
  const one = (name: string) => row(found, 'containers', `${name} (tiny-${name}-1)`)
  expect(one('ends')).toMatchObject({
    found: 'ended with exit code 7',
    cause: 'it ended with exit code 7; its log ends with: with ***',
    next: `${IN} logs --tail 50 ends`
  })
  expect(one('loops')).toMatchObject({
    found: expect.stringMatching(/^restarts in a loop \(\d+ times so far\)$/),
    cause: 'it misses the variable GREETING_KEY; it is not in .env'
  })
  expect(one('hungry')?.cause).toContain('OOMKilled')
  expect(one('sick')).toMatchObject({ cause: 'its health test fails: no depth today' })
  expect(one('foreign')).toMatchObject({
    cause: expect.stringContaining('its image is for arm64, this server is'),
    next: expect.stringMatching(/^build the image with platforms: linux\//)
  })
  expect(one('clash')).toMatchObject({ found: 'made and never started' })
  expect(row(found, 'host', 'port 5000')?.found).toBe("used by container 'stranger'")
  expect(one('store')).toMatchObject({ found: 'stopped', next: `${IN} up -d store` })
  expect(one('worker')).toMatchObject({ found: 'paused' })
  expect(row(found, 'containers', 'lost')).toMatchObject({ found: 'no container' })
  expect(row(found, 'containers', 'image')).toMatchObject({
    severity: 'error',
    found: 'ghcr.io/nestorwheelock/lost:1 is not on the host'
  })
  expect(row(found, 'host', 'killed for lack of memory')?.found).toContain('hungry')
  const password = await onServer("sed -n 's/^POSTGRES_PASSWORD=.\\(.*\\).$/\\1/p' .env")
  expect(password.trim()).toHaveLength(24)
  for (const text of [found.outcome.log, found.outcome.summary, found.outcome.outputs.problems]) {
    expect(text).not.toContain(password.trim())
  }
})

test('a compose file that compose refuses, and what runs all the same', async () => {
  await onServer(
    `cp docker-compose.prod.yml /tmp/kept && echo 'servises: {}' >> docker-compose.prod.yml`
  )
  const broken = await doctor()
  await onServer(
    'cat /tmp/kept > docker-compose.prod.yml && cp .env /tmp/env && sed -i /POSTGRES_PASSWORD/d .env'
  )
  const bare = await doctor()
  await onServer('cat /tmp/env > .env && rm /tmp/env')
  expect(row(broken, 'containers', 'compose file')).toMatchObject({
    found: 'refused by compose',
    cause: expect.stringContaining('servises'),
    next: `${IN} config -q`
  })
  expect(broken.outcome.log).toContain('✓ web (tiny-web-1): runs, healthy')
  expect(row(bare, 'containers', 'compose file')?.cause).toContain(
    "variable 'POSTGRES_PASSWORD' is required and not set"
  )
})

test('a database that is stopped, deaf, of another version, or open to all', async () => {
  await compose('stop db && sleep 3')
  const stopped = await doctor()
  await compose('up -d --wait db')
  await onServer('docker kill -s STOP tiny-db-1')
  const deaf = await doctor()
  await onServer('docker kill -s CONT tiny-db-1')
  const change = (script: string) =>
    asRoot(`docker run --rm -v tiny_rows:/rows redis:7-alpine sh -c '${script}'`)
  const major = (await change('cat /rows/PG_VERSION')).trim()
  await compose('stop db')
  await change('echo 12 > /rows/PG_VERSION')
  await compose('up -d db')
  const older = await doctor()
  await compose('stop db')
  await change(`echo ${major} > /rows/PG_VERSION`)
  await compose('up -d --wait db')
  await addServices('  cache: {image: "redis:7-alpine", ports: ["6379:6379"]}', ['cache'])
  const open = await doctor()
  await removeServices(['cache'])
  expect(row(stopped, 'database', 'db')?.found).toMatch(/^not running \(exited\), PostgreSQL \d+$/)
  expect(row(stopped, 'database', 'name of worker')).toMatchObject({
    found: "'db' leads nowhere",
    cause: "service 'db' does not run, or shares no network with it"
  })
  expect(row(deaf, 'database', 'db')).toMatchObject({
    cause: 'it runs and does not answer pg_isready'
  })
  expect(row(older, 'database', 'db')).toMatchObject({
    found: `its data is of PostgreSQL 12, its image is PostgreSQL ${major}`,
    next: expect.stringContaining('name postgres:12 again')
  })
  expect(row(open, 'database', 'port of cache')).toMatchObject({
    severity: 'error',
    found: 'Redis is open to all on port 6379'
  })
})

test('a client with a wrong password, and one with a wrong host name', async () => {
  const alter = (password: string) =>
    compose(`exec -T db psql -U app -c "alter user app password '${password}'"`)
  await alter('another')
  await onServer('sleep 3')
  const password = await doctor()
  await compose(
    'exec -T db sh -c \'psql -U app -c "alter user app password \\$\\$$POSTGRES_PASSWORD\\$\\$"\''
  )
  await vpsExec(
    'su captain -c "cd /opt/diveops && DB_HOST=dbb docker compose -f docker-compose.prod.yml up -d worker && sleep 4"'
  )
  const name = await doctor()
  await compose('up -d worker')
  expect(row(password, 'database', 'password of worker')).toMatchObject({
    found: "refused for user 'app'",
    cause: expect.stringContaining('POSTGRES_PASSWORD counts only when a volume is new'),
    next: expect.stringContaining(`${IN} exec db psql -U app -c '\\password'`)
  })
  expect(row(name, 'database', 'name of worker')).toMatchObject({
    found: "'dbb' leads nowhere",
    cause: expect.stringContaining("no service has this name (did you mean 'db'?)")
  })
})

test('static files: none collected, closed to nginx, in a volume that only one side mounts', async () => {
  const files = async () => row(await doctor(), 'static files', '/static/')
  await compose('exec -T web chmod 700 /static')
  const closed = await files()
  await compose('exec -T web sh -c "chmod 755 /static && rm /static/app.css"')
  const empty = await files()
  await onServer(
    `cp docker-compose.prod.yml /tmp/kept && sed -i 's/, static:.static\\]/]/' docker-compose.prod.yml`
  )
  const apart = await files()
  await onServer(`sed '/srv.static/d' /tmp/kept > docker-compose.prod.yml`)
  await compose('up -d --no-deps proxy')
  const unmounted = await files()
  await onServer('cat /tmp/kept > docker-compose.prod.yml')
  await compose('up -d --no-deps proxy')
  await compose('exec -T web sh -c "echo body > /static/app.css"')
  expect(closed).toMatchObject({
    found: 'nginx may not read /srv/static/app.css',
    next: `${IN} exec -u 0 web chmod -R a+rX /static`
  })
  expect(empty).toMatchObject({
    found: '/srv/static/ is empty',
    cause: 'collectstatic never ran: no release command of diveops.yml does it'
  })
  expect(apart?.found).toBe('/srv/static/ is empty, and no other service mounts its volume')
  expect(unmounted?.found).toBe('proxy mounts nothing at /srv/static/')
  expect(await files()).toBeUndefined()
})
