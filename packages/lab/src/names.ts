import { acmeExec, runnerExec, vpsExec } from './exec.ts'
import type { Result } from './process.ts'

/** The certificate authorities of the lab, which stand in for Let's Encrypt's two. */
export type Authority = 'production' | 'staging'

const TELL = 'node /usr/local/lib/lab-acme/tell.mjs'

/** Has the box that answers as Let's Encrypt carry out an action, and returns what it says. */
export async function tellAcme(action: string, parameters: object = {}): Promise<unknown> {
  const stdin = JSON.stringify(parameters)
  return JSON.parse(succeeded(await acmeExec(`${TELL} ${action}`, { stdin })))
}

/**
 * Lets the boxes find each other again after some have started: the names of the example lead to
 * the server's address, the server and the runner ask the lab's name server for them, and the runner
 * trusts the production authority, whose root is another one at each start.
 */
export async function linkNames(): Promise<void> {
  await Promise.all([
    tellAcme('defaults'),
    vpsExec('lab-dns').then(succeeded),
    runnerExec('lab-dns').then(succeeded),
    trustProduction()
  ])
}

const TRUST = `
file=/usr/local/share/ca-certificates/production.crt
root=$(cat)
[ "$root" = "$(cat $file 2> /dev/null)" ] && exit
echo "$root" > $file
update-ca-certificates 2>&1
`

/** Puts the root of the production authority into the runner's system store. */
export async function trustProduction(): Promise<void> {
  const stdin = String(await tellAcme('root', { ca: 'production' }))
  succeeded(await runnerExec(TRUST, { stdin }))
}

function succeeded({ code, stdout, stderr }: Result): string {
  if (code !== 0) throw new Error(`a box of the lab failed: ${stdout}${stderr}`)
  return stdout
}
