import { resetVps, up } from '@diveops/lab'
import { beforeAll, expect, jest, test } from '@jest/globals'
import { makeAuthority, type Pair } from '../harness/certificates.ts'
import {
  buildTiny,
  checkoutTiny,
  deployTiny,
  edit,
  mustDeploy,
  onServer,
  putCertificate,
  site,
  withHttps
} from '../harness/tiny.ts'

jest.setTimeout(300_000)

const digests = { r1: '', r2: '', unhealthy: '' }
let workspace = ''
let before = ''
let pair: Pair

async function checkout(change?: (folder: string) => Promise<void>): Promise<string> {
  return checkoutTiny(async copy => {
    await withHttps(copy)
    await edit(copy, '.env.template', 'GREETING=hello from the template\n', '')
    await change?.(copy)
  })
}

beforeAll(async () => {
  await up(() => {})
  await resetVps()
  digests.r1 = await buildTiny('r1')
  digests.r2 = await buildTiny('r2')
  digests.unhealthy = await buildTiny('r3', 'unhealthy')
  workspace = await checkout()
  pair = await (await makeAuthority()).issue({ names: ['a.example', 'www.a.example'] })
  await mustDeploy(workspace, digests.r1)
  before = await onServer('cat .env')
  expect(before).toContain("GREETING='over HTTP'")
})

/** The release before serves, with its variables, and compose has nothing to do about it. */
async function expectAsBefore(): Promise<void> {
  expect(await onServer('cat .env')).toBe(before)
  expect(await onServer('stat -c %a .env')).toBe('600\n')
  expect(await site()).toBe('release r1, over HTTP')
  const said = await onServer('docker compose -f docker-compose.prod.yml up -d')
  expect(said).not.toMatch(/Creat|Recreat|Start/)
  expect(await onServer('ls -a .diveops')).not.toContain('env.undo\n')
}

test.each(['roll', 'recreate'])(
  'a %s that fails puts .env back to what the release before ran with',
  async strategy => {
    await putCertificate('a.example', pair)
    const outcome = await deployTiny(workspace, {
      digest: digests.unhealthy,
      strategy,
      'health-timeout': '5s',
      env: 'DEPTH=40'
    })
    expect(outcome.outputs.state).toBe('restored')
    expect(outcome.log).toContain('from the http to the https variant')
    await expectAsBefore()
  }
)

test('a pull that fails after .env was changed puts it back', async () => {
  const outcome = await deployTiny(workspace, {
    digest: `sha256:${'a'.repeat(64)}`,
    env: 'DEPTH=40'
  })
  expect(outcome.outputs.state).toBe('untouched')
  expect(outcome.log).toContain('is not in the registry')
  await expectAsBefore()
})

test('an edit of before the run stays, with what was there then', async () => {
  await onServer("echo '# by hand' >> .env")
  const outcome = await deployTiny(workspace, {
    digest: digests.unhealthy,
    'health-timeout': '5s'
  })
  expect(outcome.outputs.state).toBe('restored')
  expect(await onServer('cat .env')).toBe(`${before}# by hand\n`)
  await onServer("sed -i '/by hand/d' .env")
  await onServer('docker compose -f docker-compose.prod.yml up -d')
})

test('what somebody else changed meanwhile stays, and is said', async () => {
  let edited: Promise<string> | undefined
  const outcome = await deployTiny(
    workspace,
    { digest: digests.unhealthy, strategy: 'roll', 'health-timeout': '8s' },
    {
      onOutput: text => {
        if (text.includes('→ roll web')) edited ??= onServer("echo '# meanwhile' >> .env")
      }
    }
  )
  await edited
  expect(outcome.outputs.state).toBe('restored')
  expect(outcome.log).toContain('::warning::.env was changed by somebody else meanwhile and stays')
  expect(await onServer('cat .env')).toContain('# meanwhile')
  await onServer(`cat > .env.new <<'FILE'
${before}FILE
cat .env.new > .env && rm .env.new`)
})

test('a password that a failed run generated is the one that the next run uses', async () => {
  const folder = await checkout(async copy => {
    await edit(copy, '.env.template', 'API_TOKEN', 'STORE_PASSWORD={{generate 20}}\nAPI_TOKEN')
    await edit(
      copy,
      'diveops.yml',
      'python3 /server.py migrate',
      'sh -c "printenv STORE_PASSWORD >> /data/passwords"'
    )
  })
  const failed = await deployTiny(folder, { digest: digests.unhealthy, 'health-timeout': '5s' })
  expect(failed.outputs.state).toBe('restored')
  await expectAsBefore()
  const good = await deployTiny(folder, { digest: digests.r2 })
  expect(good.outputs.state).toBe('live')
  const [first, second] = (await onServer('docker exec tiny-web-1 cat /data/passwords')).split('\n')
  expect(first).toMatch(/^\w{20}$/)
  expect(second).toBe(first)
  expect(await onServer('ls -a .diveops')).not.toContain('env.undo')
  const versions = (await onServer('ls .diveops/env')).trim().split('\n')
  expect(versions).toHaveLength(2)
})
