import { execFileSync } from 'node:child_process'
import { act, digest, resetVps, serverAddress, up } from '@diveops/lab'
import { beforeAll, expect, test } from '@jest/globals'
import { checkoutTiny, put, site } from '../harness/tiny.ts'

const WORKFLOW = `on: push
jobs:
  ship:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0
      - uses: diveops/ship@v1
        id: ship
        with:
          build-args: RELEASE=\${{ github.sha }}
          registry-token: \${{ secrets.GHCR_TOKEN }}
          host: \${{ secrets.SERVER_HOST }}
          user: \${{ secrets.SERVER_USER }}
          ssh-key: \${{ secrets.SERVER_SSH_KEY }}
          known-hosts: \${{ vars.SERVER_KNOWN_HOSTS }}
          url: http://shop.example/
          resolve: shop.example:80:\${{ vars.SERVER_ADDRESS }}
          expect-release: \${{ github.sha }}
      - run: echo "state=$STATE image=$IMAGE ready=$READY"
        env:
          STATE: \${{ steps.ship.outputs.state }}
          IMAGE: \${{ steps.ship.outputs.image }}
          READY: \${{ steps.ship.outputs.ready-ms }}
`

let folder: string

beforeAll(async () => {
  await up(() => {})
  await resetVps()
  folder = await checkoutTiny(folder => put(folder, '.github/workflows/ship.yml', WORKFLOW))
  const origin = 'https://github.com/NestorWheelock/tiny'
  execFileSync('git', ['-C', folder, 'remote', 'add', 'origin', origin])
}, 900_000)

test('one step builds the image, puts it live and sees it answer', async () => {
  const variables = { SERVER_ADDRESS: await serverAddress() }
  const { code, output } = await act(folder, ['push'], { variables })
  expect(output).not.toContain('::error')
  expect(code).toBe(0)
  const pushed = await digest('nestorwheelock/tiny', 'latest')
  expect(output).toMatch(
    new RegExp(`state=live image=ghcr.io/nestorwheelock/tiny@${pushed} ready=\\d+`)
  )
  expect(await site()).toMatch(/^release [0-9a-f]{40},/)
}, 600_000)
