import { registryExec, runnerExec } from './exec.ts'
import { OWNER, registryToken } from './secrets.ts'

const ACCEPT = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json'
].join(', ')

interface Answer {
  status: number
  headers: Map<string, string>
  body: string
}

/** The repositories in the lab's ghcr.io, such as `nestorwheelock/django-diveops`. */
export async function repositories(): Promise<string[]> {
  const { body } = await ask('GET', '_catalog')
  return (JSON.parse(body) as { repositories: string[] }).repositories
}

/** The tags of a repository in the lab's ghcr.io; none when there is no such repository. */
export async function tags(repository: string): Promise<string[]> {
  const { status, body } = await ask('GET', `${repository}/tags/list`)
  return status === 200 ? ((JSON.parse(body) as { tags: string[] | null }).tags ?? []) : []
}

/** The digest that a tag of a repository in the lab's ghcr.io points at, or undefined. */
export async function digest(repository: string, tag: string): Promise<string | undefined> {
  const { status, headers } = await ask('HEAD', `${repository}/manifests/${tag}`)
  return status === 200 ? headers.get('docker-content-digest') : undefined
}

/** A manifest or index as the lab's ghcr.io has it, or undefined. */
export async function manifest(repository: string, reference: string): Promise<unknown> {
  const { status, body } = await ask('GET', `${repository}/manifests/${reference}`)
  return status === 200 ? JSON.parse(body) : undefined
}

/** Deletes the image that a tag points at, with all tags that point there. */
export async function deleteImage(repository: string, tag: string): Promise<void> {
  const found = await digest(repository, tag)
  if (found === undefined) return
  const { status, body } = await ask('DELETE', `${repository}/manifests/${found}`)
  if (status !== 202) throw new Error(`${repository}:${tag} was not deleted: ${body}`)
}

/** Lets one more user name in with the lab's token: the real ghcr.io looks at the token only. */
export async function allowRegistryUser(user: string): Promise<void> {
  if (user === OWNER) return
  const file = '/etc/lab/htpasswd'
  const script = `grep -q "^$NAME:" ${file} || htpasswd -iB ${file} "$NAME"`
  const { code, stderr } = await registryExec(`NAME='${user.replaceAll("'", '')}'; ${script}`, {
    stdin: await registryToken()
  })
  if (code !== 0) throw new Error(`the lab's registry did not take the user '${user}': ${stderr}`)
}

// Asked from within the lab's network, as the registry has no port on this machine.
async function ask(method: string, where: string): Promise<Answer> {
  const config = [
    `url = "https://ghcr.io/v2/${where}"`,
    `user = "${OWNER}:${await registryToken()}"`,
    `header = "Accept: ${ACCEPT}"`,
    method === 'HEAD' ? 'head' : `request = ${method}`
  ]
  const { code, stdout, stderr } = await runnerExec('curl -sSi --config -', {
    stdin: config.join('\n')
  })
  if (code !== 0) throw new Error(`the lab's registry does not answer: ${stderr}`)
  const [head = '', ...body] = stdout.split('\r\n\r\n')
  const [first = '', ...lines] = head.split('\r\n')
  return {
    status: Number(first.split(' ')[1]),
    headers: new Map(lines.map(header)),
    body: body.join('\r\n\r\n')
  }
}

function header(line: string): [name: string, value: string] {
  const colon = line.indexOf(':')
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
}
