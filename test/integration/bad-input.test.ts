import { expect, test } from '@jest/globals'
import { runAction } from '../harness/action.ts'
import { commandsOf } from '../harness/runnercommands.ts'

const DIGEST = `sha256:${'0a'.repeat(32)}`
const SERVER = { host: 'example.com', user: 'deploy', 'ssh-key': 'x' }
const DEPLOY = { ...SERVER, digest: DIGEST }
const BUILD = { image: 'ghcr.io/owner/app' }
const HEALTH = { url: 'http://127.0.0.1:1/' }

test.each<[string, string, Record<string, string>, RegExp]>([
  [
    'an unknown input',
    'deploy-vps',
    { ...DEPLOY, stategy: 'roll' },
    /^input 'stategy' is not known \(did you mean 'strategy'\?\); known inputs: host, /
  ],
  [
    "another action's name for one",
    'deploy-vps',
    { ...DEPLOY, username: 'x' },
    /^input 'username' is not known \(did you mean 'user'\?\)/
  ],
  [
    'the same with underscores',
    'rollback',
    { ...SERVER, ssh_private_key: 'x' },
    /^input 'ssh_private_key' is not known \(did you mean 'ssh-key'\?\)/
  ],
  [
    'an input of a sister action',
    'rollback',
    { ...SERVER, 'plan-only': 'true' },
    /^input 'plan-only' is not known; known inputs: /
  ],
  [
    'an unknown input',
    'setup-ssl',
    { ...SERVER, domain: 'a.example' },
    /^input 'domain' is not known \(did you mean 'domains'\?\)/
  ],
  [
    'an unknown input',
    'build-push',
    { ...BUILD, dockerfile: 'x' },
    /^input 'dockerfile' is not known \(did you mean 'file'\?\)/
  ],
  [
    'an unknown input',
    'healthcheck-wait',
    { ...HEALTH, retries: '3' },
    /^input 'retries' is not known; known inputs: url, /
  ],
  [
    'a word that is none of the choices',
    'deploy-vps',
    { ...DEPLOY, strategy: 'rol' },
    /^input 'strategy': got 'rol', expected one of 'roll' and 'recreate' \(did you mean 'roll'\?\)/
  ],
  [
    'another word for yes',
    'deploy-vps',
    { ...DEPLOY, 'plan-only': 'yes' },
    /^input 'plan-only': got 'yes', expected 'true' or 'false'/
  ],
  [
    'a port that is none',
    'deploy-vps',
    { ...DEPLOY, port: '22a' },
    /^input 'port': got '22a', expected a whole number from 1 to 65535/
  ],
  [
    'a duration that is none',
    'rollback',
    { ...SERVER, 'lock-timeout': 'long' },
    /^input 'lock-timeout': got 'long', expected a duration such as/
  ],
  [
    'a relative folder',
    'deploy-vps',
    { ...DEPLOY, path: 'opt/app' },
    /^input 'path': got 'opt\/app', expected an absolute path on the host/
  ],
  [
    'a folder above itself',
    'setup-ssl',
    { ...SERVER, path: '/opt/../etc' },
    /^input 'path': got '\/opt\/\.\.\/etc', expected an absolute path/
  ],
  [
    'two that exclude each other',
    'deploy-vps',
    { ...DEPLOY, image: `ghcr.io/a/b@${DIGEST}` },
    /^inputs 'image' and 'digest' are both set, expected one of them/
  ],
  [
    'a tag in place of a digest',
    'deploy-vps',
    { ...SERVER, image: 'ghcr.io/a/b:1' },
    /^input 'image': got 'ghcr.io\/a\/b:1', expected name@sha256/
  ],
  [
    'tags in two inputs',
    'build-push',
    { image: 'ghcr.io/a/b:1' },
    /^input 'image': got 'ghcr.io\/a\/b:1', expected a name without a tag/
  ],
  [
    'staging without an address',
    'setup-ssl',
    { ...SERVER, staging: 'true', 'acme-directory': 'https://ca.example/d' },
    /^input 'staging': got 'true', expected 'false', or an 'acme-staging-directory'/
  ],
  [
    'a days limit over HTTP',
    'healthcheck-wait',
    { ...HEALTH, 'min-cert-days': '7' },
    /^input 'min-cert-days': got '7', expected an https URL/
  ],
  [
    'a secret that is not set',
    'deploy-vps',
    { ...DEPLOY, host: '' },
    /^input 'host' is empty, expected the name or address of the server; when it comes from a secret or a variable, check that this exists/
  ],
  [
    'a secret that is not set',
    'rollback',
    { ...SERVER, 'ssh-key': '' },
    /^input 'ssh-key' is empty/
  ],
  [
    'an output that was dropped',
    'deploy-vps',
    SERVER,
    /^inputs 'image' and 'digest' are both empty, .*the runner drops an output/
  ],
  [
    'a token that is not set',
    'build-push',
    { ...BUILD, push: 'true' },
    /^input 'registry-token' is empty, expected a token that may push to ghcr\.io/
  ],
  [
    'a variable that is not set',
    'healthcheck-wait',
    { url: '' },
    /^input 'url' is empty, expected a URL/
  ]
])('%s is one line: %s %j', async (_, action, inputs, expected) => {
  // The runner starts a step in a checkout; build-push looks for a Dockerfile there.
  const { code, log, outputs } = await runAction(action, inputs, {
    files: { Dockerfile: 'FROM scratch\n' }
  })
  expect(code).toBe(1)
  const errors = commandsOf(log).filter(({ name }) => name === 'error')
  expect(errors).toHaveLength(1)
  expect(errors[0]?.line.replace(/^::error::/, '')).toMatch(expected)
  expect(errors[0]?.line).not.toContain('%0A')
  if (['deploy-vps', 'rollback', 'setup-ssl'].includes(action)) {
    expect(outputs).toMatchObject({ state: 'untouched', changed: 'false' })
  }
})
