import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { root } from '@diveops/build'
import { describe, expect, test } from '@jest/globals'
import { readConfiguration } from '../../../packages/core/src/proxy/configuration.ts'
import { challengeRoot, readSites } from '../../../packages/core/src/proxy/sites.ts'

const sites = (text: string, files: Record<string, string> = {}) =>
  readSites(readConfiguration(text, new Map(Object.entries(files))))
const challenge = (text: string) => challengeRoot(readConfiguration(text))

describe('reading', () => {
  test('comments, quotes, escapes, variables and nested blocks are as nginx reads them', () => {
    const text = `
# server { listen 443 ssl; ssl_certificate /commented; }
http { map $host $x { default "a;b}#c"; "~^(?<n>\\d{2})$" '\\'{'; }
  log_format main '$remote_addr "$request" {';
  server { set $y \${x}y; listen 443 ssl;# no } here
    server_name "a.example"  'b.example'
      C.example;
    ssl_certificate "/c/with space; and }.pem"; ssl_certificate_key /c/key.pem; } }`
    expect(sites(text)).toEqual([
      {
        names: ['a.example', 'b.example', 'c.example'],
        certificate: '/c/with space; and }.pem',
        key: '/c/key.pem'
      }
    ])
  })

  test.each(['', '}', '}}} server {', 'http { server {', '"', "server_name '", 'include ;', '{{{'])(
    'what is cut off or wrong is read without an error: %j',
    text => {
      expect(sites(text)).toEqual([])
      expect(challenge(text)).toBeUndefined()
    }
  )
})

describe('sites', () => {
  test('paths come from the http block, too, and relative ones are of /etc/nginx', () => {
    const text = `http { ssl_certificate certs/all.pem; ssl_certificate_key certs/all.key;
      server { listen 443 ssl; server_name a.example; }
      server { listen 443 quic; server_name b.example; ssl_certificate /b.pem; ssl_certificate_key /b.key; }
      server { listen 80; server_name c.example; } }`
    expect(sites(text)).toEqual([
      {
        names: ['a.example'],
        certificate: '/etc/nginx/certs/all.pem',
        key: '/etc/nginx/certs/all.key'
      },
      { names: ['b.example'], certificate: '/b.pem', key: '/b.key' },
      // Loaded when nginx starts, although nobody sees it.
      { names: [], certificate: '/etc/nginx/certs/all.pem', key: '/etc/nginx/certs/all.key' }
    ])
  })

  test('two kinds of certificate are two sites, each with its key', () => {
    const text = `server { listen 443 ssl; server_name a.example;
      ssl_certificate /rsa.pem; ssl_certificate_key /rsa.key;
      ssl_certificate /ec.pem; ssl_certificate_key /ec.key; }`
    expect(sites(text).map(({ certificate, key }) => [certificate, key])).toEqual([
      ['/rsa.pem', '/rsa.key'],
      ['/ec.pem', '/ec.key']
    ])
  })

  test('names that no authority certifies are not asked for', () => {
    const text = `server { listen 443 ssl default_server; ssl_certificate /c.pem; ssl_certificate_key /c.key;
      server_name _ "" localhost 203.0.113.7 [::1] ~^www\\d+\\.a\\.example$ $hostname www.a.* *.a.example .b.example; }
      server { listen 443 ssl; server_name d.example; ssl_certificate /c.pem; ssl_certificate_key /c.key; ssl_reject_handshake on; }`
    expect(sites(text).map(({ names }) => names)).toEqual([['*.a.example', '.b.example'], []])
  })

  test('what is read with each handshake or is no file does not count', () => {
    const text = `server { listen 443 ssl; server_name a.example;
      ssl_certificate /c/$ssl_server_name.pem; ssl_certificate_key /c/$ssl_server_name.key; }
      server { listen 443 ssl; ssl_certificate /c.pem; ssl_certificate_key engine:pkcs11:x; }`
    expect(sites(text)).toEqual([])
  })

  test('includes are followed, by pattern and relative, and never for ever', () => {
    const files = {
      '/etc/nginx/sites/a.conf': 'server { include snippets/tls.conf; server_name a.example; }',
      '/etc/nginx/sites/b.conf': 'server { server_name b.example; include snippets/tls.conf; }',
      '/etc/nginx/sites/c.off': 'server { server_name c.example; include snippets/tls.conf; }',
      '/etc/nginx/snippets/tls.conf':
        'listen 443 ssl; ssl_certificate /t.pem; ssl_certificate_key /t.key; include snippets/*.conf;'
    }
    const found = sites('http { include sites/*.conf; include missing.conf; }', files)
    expect([...new Set(found.flatMap(({ names }) => names))]).toEqual(['a.example', 'b.example'])
  })

  test('the example', async () => {
    const text = await readFile(
      path.join(root, 'workflows-examples/django-diveops/docker/nginx/nginx.conf'),
      'utf8'
    )
    expect(sites(text)).toEqual(
      ['happydiving.mx', 'buceofeliz.com'].map(name => ({
        names: [name, `www.${name}`],
        certificate: `/etc/nginx/certs/live/${name}/fullchain.pem`,
        key: `/etc/nginx/certs/live/${name}/privkey.pem`
      }))
    )
  })
})

describe('where a token for the authority must lie', () => {
  const server = (body: string) => `http { server { listen 80; ${body} } }`

  test.each([
    ['a location', 'location /.well-known/acme-challenge/ { root /w; }', '/w'],
    ['^~ and no slash', 'location ^~ /.well-known/acme-challenge { root /w/; }', '/w'],
    ['a pattern', 'location ~ ^/\\.well-known/acme-challenge/ { root /w; }', '/w'],
    ['a root above', 'root /w; location /.well-known/acme-challenge/ { allow all; }', '/w'],
    [
      'an alias that comes to the same',
      'location /.well-known/acme-challenge/ { alias /w/.well-known/acme-challenge/; }',
      '/w'
    ],
    [
      'an alias of its own',
      'location /.well-known/acme-challenge/ { alias /w/tokens/; }',
      undefined
    ],
    [
      'a location that passes it on',
      'root /w; location /.well-known/acme-challenge/ { proxy_pass http://web; }',
      undefined
    ],
    [
      'a nested one',
      'location / { return 301 https://$host; location ^~ /.well-known/ { root /w; } }',
      '/w'
    ],
    ['none', 'location / { root /w; }', undefined]
  ])('%s', (_name, body, expected) => {
    expect(challenge(server(body))).toBe(expected)
  })

  test('only port 80 counts, which is also what a server without listen has', () => {
    const location = 'location /.well-known/acme-challenge/ { root /w; }'
    expect(challenge(`server { listen 443 ssl; ${location} }`)).toBeUndefined()
    expect(challenge(`server { listen 8080; ${location} }`)).toBeUndefined()
    for (const listen of ['', 'listen [::]:80;', 'listen 127.0.0.1;', 'listen *:80 reuseport;']) {
      expect(challenge(`server { ${listen} ${location} }`)).toBe('/w')
    }
  })

  test('in the output of nginx -T an included location counts', () => {
    const dump = `nginx: configuration file /etc/nginx/nginx.conf test is successful
# configuration file /etc/nginx/nginx.conf:
http { include /etc/nginx/conf.d/*.conf; }

# configuration file /etc/nginx/conf.d/site.conf:
server { listen 80 default_server; include snippets/acme; }

# configuration file /etc/nginx/snippets/acme:
location ^~ /.well-known/acme-challenge/ { root /etc/nginx/certs/webroot; }
`
    expect(challenge(dump)).toBe('/etc/nginx/certs/webroot')
  })
})
