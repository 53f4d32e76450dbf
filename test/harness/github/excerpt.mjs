// Makes api.json beside it: the operations that we use, with all they refer to, of GitHub's published
// description of its API. The package with all of it is too large to be a dependency (390 MB):
//   npm install --no-save --prefix /tmp/openapi @octokit/openapi@23.0.2
//   node test/harness/github/excerpt.mjs /tmp/openapi/node_modules/@octokit/openapi
//   npm run format
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const OPERATIONS = {
  '/repos/{owner}/{repo}/deployments': ['get', 'post'],
  '/repos/{owner}/{repo}/deployments/{deployment_id}/statuses': ['get', 'post'],
  '/repos/{owner}/{repo}/issues/{issue_number}/comments': ['get', 'post'],
  '/repos/{owner}/{repo}/issues/comments/{comment_id}': ['patch']
}

const source = process.argv[2]
const read = name => JSON.parse(readFileSync(path.join(source, name), 'utf8'))
const all = read('generated/api.github.com.json')
const excerpt = {
  openapi: all.openapi,
  info: { title: all.info.title, version: read('package.json').version, license: all.info.license },
  paths: {},
  components: {}
}

function take(value) {
  if (Array.isArray(value)) return value.map(take)
  if (typeof value !== 'object' || value === null) return value
  if (typeof value.$ref === 'string') takeComponent(value.$ref)
  // Examples and prose are most of it.
  const kept = Object.entries(value).filter(
    ([key, one]) =>
      !['examples', 'example', 'x-github', 'externalDocs'].includes(key) &&
      !(key === 'description' && typeof one === 'string')
  )
  return Object.fromEntries(kept.map(([key, one]) => [key, take(one)]))
}

function takeComponent(ref) {
  const [, , kind, name] = ref.split('/')
  excerpt.components[kind] ??= {}
  if (name in excerpt.components[kind]) return
  excerpt.components[kind][name] = {}
  excerpt.components[kind][name] = take(all.components[kind][name])
}

for (const [place, methods] of Object.entries(OPERATIONS)) {
  const entries = methods.map(method => [method, take(all.paths[place][method])])
  excerpt.paths[place] = Object.fromEntries(entries)
}
writeFileSync(path.join(import.meta.dirname, 'api.json'), `${JSON.stringify(excerpt)}\n`)
