import { quote } from '@diveops/core/base/shell'
import { runnerExec, vpsExec } from '@diveops/lab'

/** On the lab's runner, which knows the mirror by its name. Prints what the tag was before. */
const RENEW = `const { createHash } = require('node:crypto')
const [repository, tag] = process.argv.slice(1)
const base = 'http://mirror:5000/v2/library/' + repository
const ask = async (path, options = {}) => {
  const answer = await fetch(new URL(path, base + '/'), options)
  if (!answer.ok) throw new Error(path + ': ' + answer.status + ' ' + (await answer.text()))
  return answer
}
const accept = ['application/vnd.docker.distribution.manifest.v2+json', 'application/vnd.oci.image.manifest.v1+json']
const was = await ask('manifests/' + tag, { headers: { accept: accept.join(', ') } })
const type = was.headers.get('content-type')
const text = await was.text()
const manifest = JSON.parse(text)
const config = await (await ask('blobs/' + manifest.config.digest)).json()
const newer = Buffer.from(JSON.stringify({ ...config, created: new Date().toISOString() }))
const digest = 'sha256:' + createHash('sha256').update(newer).digest('hex')
const place = new URL((await ask('blobs/uploads/', { method: 'POST' })).headers.get('location'), base)
place.searchParams.set('digest', digest)
const headers = { 'content-type': 'application/octet-stream' }
await ask(place, { method: 'PUT', body: newer, headers })
const body = JSON.stringify({ ...manifest, config: { ...manifest.config, digest, size: newer.length } })
await ask('manifests/' + tag, { method: 'PUT', body, headers: { 'content-type': type } })
console.log(JSON.stringify({ type, text }))`

const PUT_BACK = `const [url, type] = process.argv.slice(1)
const body = require('node:fs').readFileSync(0)
const { ok, status } = await fetch(url, { method: 'PUT', body, headers: { 'content-type': type } })
if (!ok) throw new Error('status ' + status)`

/**
 * Lets the lab's mirror of public images have a newer build of one while something happens: the same
 * layers, another image. Afterwards mirror and server have the former one again.
 */
export async function withNewerBuild<T>(
  repository: string,
  tag: string,
  what: () => Promise<T>
): Promise<T> {
  const { type, text } = JSON.parse(await node(RENEW, [repository, tag]))
  try {
    return await what()
  } finally {
    const url = `http://mirror:5000/v2/library/${repository}/manifests/${tag}`
    await node(PUT_BACK, [url, type], text)
    await vpsExec(`docker pull -q ${repository}:${tag}`)
  }
}

async function node(program: string, words: readonly string[], stdin = ''): Promise<string> {
  const script = `(async () => {\n${program}\n})()`
  const command = ['node', '-e', script, ...words].map(quote).join(' ')
  const { code, stdout, stderr } = await runnerExec(command, { stdin })
  if (code !== 0) throw new Error(`the mirror did not take the image: ${stderr}`)
  return stdout
}
