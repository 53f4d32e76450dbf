import { acme, startVpsEngine, stopVpsEngine, up, vpsExec } from '@diveops/lab'
import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals'
import { unexpected } from '../harness/action.ts'
import { underVisitors } from '../harness/prober.ts'
import { deploySecurable, redeploySecurable, setupSsl } from '../harness/securetiny.ts'
import { NAMES, operator, serialOnDisk, tryOperator, until, visit } from '../harness/site.ts'

jest.setTimeout(600_000)

const NAME = 'happydiving.mx'
const MINE = '0 3 * * * echo "a line of my own" > /dev/null'
const NEIGHBOUR =
  '1 2,14 * * * /opt/diveops-two/init-ssl.sh --renew # renews the certificates of /opt/diveops-two'
const CONF = 'proxy/default.conf'

let root = ''

beforeAll(async () => {
  await up(() => {})
  root = await acme.root('production')
  await deploySecurable()
  await operator(`printf '%s\\n' '${MINE}' '${NEIGHBOUR}' | crontab -`)
  const outcome = await setupSsl()
  if (outcome.outputs.state !== 'live') throw unexpected(outcome)
})
beforeEach(() => acme.clearFaults())
afterAll(async () => {
  await acme.reset()
})

interface Report {
  renewal: { at: string; result: string; error?: string }
  certificates: { name: string; serial: string; served: string | null }[]
}

async function report(): Promise<Report> {
  return JSON.parse(await operator('cat .diveops/tls.json'))
}

/** Serial of what a visitor gets under a name. */
async function served(name = NAME): Promise<string> {
  const { stdout } = await vpsExec(
    `openssl s_client -connect 127.0.0.1:443 -servername ${name} </dev/null 2>/dev/null | openssl x509 -noout -serial`
  )
  return stdout
    .trim()
    .replace(/^serial=0*/, '')
    .toLowerCase()
}

/** Lets certbot find at its next run that the authority wants a certificate renewed. */
async function callDue(name = NAME): Promise<string> {
  await acme.renewNow(await operator(`cat certs/live/${name}/fullchain.pem`))
  await operator(`sed -i '/^ari_retry_after/d' certs/renewal/${name}.conf`)
  return serialOnDisk(name)
}

test('cron runs what was installed: a certificate that is due is renewed, and no visitor notices', async () => {
  const crontab = await operator('crontab -l')
  const old = await callDue()
  const { at } = (await report()).renewal
  const { seen } = await underVisitors(NAMES, root, async () => {
    // The hours of the lab's day are long: the installed command, but every minute.
    await operator(
      `crontab -l | sed -E '/renews the certificates of .opt.diveops$/s/^[0-9]+ [0-9,]+ /* * /' | crontab -`
    )
    await until('renewed by cron', async () => (await report()).renewal.at !== at)
    await operator(`crontab - <<'LINES'\n${crontab}LINES`)
    await until(
      'no renewal runs',
      async () => (await tryOperator('ls .diveops/lock.json')).code !== 0
    )
  })
  const fresh = await serialOnDisk(NAME)
  expect(fresh).not.toBe(old)
  expect(await served()).toBe(fresh)
  expect(await report()).toMatchObject({
    renewal: { result: 'ok' },
    certificates: [{}, { name: NAME, serial: fresh, served: fresh }]
  })
  expect(await operator('cat .diveops/renewal.log')).toContain('every certificate is current')
  expect(seen.bad).toEqual([])
  expect(Object.keys(seen.serials)).toEqual(expect.arrayContaining([old, fresh]))
})

test('what is not due is left alone', async () => {
  const [serial, orders] = [await serialOnDisk(NAME), await acme.orders()]
  const said = await operator('./init-ssl.sh --renew')
  expect(said).toBe('every certificate is current and served\n')
  expect([await serialOnDisk(NAME), await acme.orders()]).toEqual([serial, orders])
  expect((await report()).renewal.result).toBe('ok')
})

test('a hook that fails is a failed renewal, and what was renewed is served', async () => {
  const hook = 'certs/renewal-hooks/deploy/tell-the-mail-server'
  await operator(`printf '#!/bin/sh\\nexit 3\\n' > ${hook} && chmod +x ${hook}`)
  const old = await callDue()
  const { code, output } = await tryOperator('./init-ssl.sh --renew')
  await operator(`rm ${hook}`)
  expect(output).toMatch(/^error: a hook of certbot failed: .*tell-the-mail-server.*3$/m)
  expect(code).toBe(1)
  expect((await report()).renewal).toMatchObject({
    result: 'failed',
    error: expect.stringContaining('tell-the-mail-server')
  })
  expect(await serialOnDisk(NAME)).not.toBe(old)
  expect(await served()).toBe(await serialOnDisk(NAME))
})

test('a configuration that nginx refuses: the old certificate is served, and the next deploy says so', async () => {
  await operator('./init-ssl.sh --renew')
  await operator(`cp ${CONF} /tmp/conf && sed -i '1s/^/sever {}\\n/' ${CONF}`)
  const old = await callDue()
  const { result, seen } = await underVisitors(NAMES, root, () =>
    tryOperator('./init-ssl.sh --renew')
  )
  expect(result.code).toBe(1)
  expect(result.output).toContain('nginx refuses its configuration')
  expect(result.output).toContain('unknown directive "sever"')
  expect(seen.bad).toEqual([])
  const fresh = await serialOnDisk(NAME)
  expect(fresh).not.toBe(old)
  expect(await served()).toBe(old)
  expect(await report()).toMatchObject({
    renewal: { result: 'failed', error: expect.stringContaining('unknown directive "sever"') },
    certificates: [{}, { name: NAME, serial: fresh, served: old }]
  })

  await operator(`cat /tmp/conf > ${CONF}`)
  const deployed = await redeploySecurable()
  expect(deployed.log).toMatch(/::warning::the last renewal of the certificates failed .*"sever"/)
  expect(deployed.code).toBe(0)
  expect(await operator('./init-ssl.sh --renew')).toContain('every certificate is current')
  expect(await served()).toBe(fresh)
})

test('an authority that is down is no outage: not due is well, due is a failure that is told', async () => {
  await operator("sed -i '/^ari_retry_after/d' certs/renewal/*.conf")
  await acme.fault({ kind: 'down' })
  expect((await tryOperator('./init-ssl.sh --renew')).code).toBe(0)
  expect((await report()).renewal.result).toBe('ok')

  const serial = await serialOnDisk(NAME)
  const conf = `certs/renewal/${NAME}.conf`
  await operator(`cp ${conf} /tmp/conf && sed -i '1s/^/renew_before_expiry = 100 days\\n/' ${conf}`)
  const { result, seen } = await underVisitors(NAMES, root, () =>
    tryOperator('./init-ssl.sh --renew')
  )
  await operator(`cp /tmp/conf ${conf}`)
  expect(result.code).toBe(1)
  expect((await report()).renewal).toMatchObject({
    result: 'failed',
    error: expect.stringMatching(/happydiving\.mx.*acme-v02/)
  })
  expect([await serialOnDisk(NAME), await served()]).toEqual([serial, serial])
  expect(seen.bad).toEqual([])
})

test('setup-ssl after a failed renewal says what failed, and that all is well again', async () => {
  const { outputs, log } = await setupSsl()
  expect(log).toMatch(/::warning::the last renewal of the certificates failed .*acme-v02/)
  expect(outputs.state ?? log).toBe('live')
  expect((await report()).renewal.result).toBe('ok')
})

test('without an engine nothing can be renewed, and that is told as well', async () => {
  await stopVpsEngine()
  const { code, output } = await tryOperator('./init-ssl.sh --renew')
  await startVpsEngine()
  expect(code).toBe(1)
  expect(output).not.toContain('renewed')
  expect((await report()).renewal).toMatchObject({
    result: 'failed',
    error: expect.stringContaining('Docker daemon')
  })
  await until('the site is back', async () => {
    return (await visit(NAME, '/', root).catch(() => ({ status: 0 }))).status === 200
  })
  await operator('./init-ssl.sh --renew')
})

test('a renewal waits for a deploy, and a deploy for a renewal', async () => {
  const ended: string[] = []
  let renewal: Promise<unknown> | undefined
  const deployed = await redeploySecurable('s2', {
    onOutput: text => {
      if (!text.includes('bake web')) return
      renewal ??= tryOperator('./init-ssl.sh --renew').then(({ code }) =>
        ended.push(`renewal ${code}`)
      )
    }
  })
  ended.unshift(`deploy ${deployed.code}`)
  expect(ended).toEqual(['deploy 0'])
  await renewal
  expect(ended).toEqual(['deploy 0', 'renewal 0'])

  await acme.fault({ kind: 'slow', seconds: 3 })
  await callDue()
  const slow = tryOperator('./init-ssl.sh --renew')
  await until('a renewal runs', async () => (await tryOperator('ls .diveops/lock.json')).code === 0)
  const next = await redeploySecurable('s3')
  expect(next.log).toContain('waiting for init-ssl.sh on the server by captain since ')
  expect(next.outputs.state).toBe('live')
  expect((await slow).code).toBe(0)
})

test('installed twice there is one line, and other lines stay', async () => {
  const before = await operator('crontab -l')
  expect(await operator('./init-ssl.sh --install-renewal')).toBe(
    'cron renews twice a day, as installed before\n'
  )
  expect(await operator('crontab -l')).toBe(before)
  await operator("crontab -l | grep -v 'of /opt/diveops$' | crontab -")
  expect(await operator('crontab -l')).toBe(`${MINE}\n${NEIGHBOUR}\n`)
  expect(await operator('./init-ssl.sh --install-renewal')).toBe(
    'cron renews twice a day from now on\n'
  )
  expect(await operator('crontab -l')).toMatch(
    /^0 3 .*my own.*\n1 2,14 .*-two\n\d+ \d+,\d+ \* \* \* "\/opt\/diveops\/init-ssl\.sh" --renew .*\n$/
  )
})

test('where nothing could renew the run fails and says what to do, and HTTPS serves', async () => {
  await operator('crontab -r')
  await vpsExec('kill "$(cat /run/crond.pid)"')
  const { code, log, outputs } = await setupSsl()
  await vpsExec('cron')
  expect(code).toBe(1)
  expect(log).toMatch(/::error::nothing on this server renews the certificates: .*install cron/)
  expect(log).toContain('[live: the site serves over HTTPS]')
  expect(outputs.state).toBe('live')
  expect((await visit(NAME, '/', root)).status).toBe(200)
  const again = await setupSsl()
  expect(again.log).toContain('cron renews twice a day from now on')
  expect(again.code).toBe(0)
})
