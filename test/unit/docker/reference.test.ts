import { formatReference, nameOf, parseReference } from '@diveops/core/docker/reference'
import { expect, test } from '@jest/globals'

const DIGEST = `sha256:${'a1'.repeat(32)}`

test.each([
  ['nginx', 'docker.io/library/nginx'],
  ['nginx:alpine', 'docker.io/library/nginx:alpine'],
  ['certbot/certbot', 'docker.io/certbot/certbot'],
  ['docker.io/nginx', 'docker.io/library/nginx'],
  ['index.docker.io/library/nginx', 'docker.io/library/nginx'],
  ['ghcr.io/owner/app:1.2', 'ghcr.io/owner/app:1.2'],
  ['localhost/app', 'localhost/app'],
  ['localhost:5000/app:x', 'localhost:5000/app:x'],
  ['[::1]:5000/app', '[::1]:5000/app'],
  ['diveops.local/app/web:20261123-1', 'diveops.local/app/web:20261123-1'],
  [`ghcr.io/o/app@${DIGEST}`, `ghcr.io/o/app@${DIGEST}`],
  [`nginx:1@${DIGEST}`, `docker.io/library/nginx:1@${DIGEST}`],
  ['a__b/c.d/e---f', 'docker.io/a__b/c.d/e---f']
])('%s', (text, full) => {
  expect(formatReference(parseReference(text))).toBe(full)
})

test('parts', () => {
  const reference = parseReference(`ghcr.io/owner/app:1@${DIGEST}`)
  expect(reference).toEqual({
    registry: 'ghcr.io',
    repository: 'owner/app',
    tag: '1',
    digest: DIGEST
  })
  expect(nameOf(reference)).toBe('ghcr.io/owner/app')
})

test.each([
  ['', 'expected an image name'],
  ['ghcr.io/', 'expected an image name'],
  ['ghcr.io/Owner/App', "expected lower case: 'ghcr.io/owner/app'"],
  ['a//b', 'expected an image name'],
  ['a b', 'expected an image name'],
  ['-a', 'expected an image name'],
  ['a:', "expected a tag of letters, digits, '_', '.' and '-' after ':'"],
  ['a:t/x:', 'expected a tag'],
  ['a@sha256:abc', "expected a digest of the form 'sha256:'"],
  [`a@${DIGEST}@${DIGEST}`, 'expected a digest'],
  ['bad_host.example/a', "'bad_host.example' is not a registry's host name"],
  ['a\nb', 'expected an image name']
])('bad reference %j', (text, reason) => {
  expect(() => parseReference(text, "input 'image'")).toThrow(`input 'image': got '${text}', `)
  expect(() => parseReference(text)).toThrow(reason)
})
