import { describe, expect, test } from '@jest/globals'
import { type ProxyKind, readUpstreams } from '../../../packages/core/src/proxy/front.ts'
import { readFront } from '../../../packages/core/src/proxy/look.ts'

/** What is addressed, as `name:port speaks`. */
function read(kind: ProxyKind, configuration: string) {
  const { held, dynamic, unknown } = readUpstreams({ kind, version: '', configuration })
  const words = (list: typeof held) => list.map(one => `${one.name}:${one.port} ${one.speaks}`)
  return { held: words(held), dynamic: words(dynamic), unknown }
}

const nginx = (text: string) => read('nginx', text)
const NOTHING = { held: [], dynamic: [], unknown: false }

describe('nginx', () => {
  test('upstream blocks and every kind of direct pass are held by name', () => {
    const text = `events {}
http {
  upstream app { zone app 64k; server web:8000 max_fails=3; server Api.Internal; server 10.0.0.7:80 backup;
    server unix:/run/app.sock; server [::1]:8000; keepalive 16; }
  upstream "unused" { server old:81; }
  server {
    listen 80; server web.example; # server commented:1;
    location / { proxy_pass http://app; }
    location /a { if ($request_method = POST) { proxy_pass http://direct:9000/a/; } proxy_pass 'https://secure'; }
    location /b { uwsgi_pass uwsgi://django:3031; }
    location /c { fastcgi_pass php:9000; }
    location /d { grpc_pass grpc://rpc:50051; }
    location /e { scgi_pass scgi:4000; }
    location /f { proxy_pass http://unix:/run/x.sock:/uri; }
    location /g { proxy_pass http://127.0.0.1:8080; }
    location /h { return 200 "proxy_pass http://quoted:1;"; }
  }
}`
    expect(nginx(text)).toEqual({
      held: [
        'web:8000 http',
        'api.internal:80 http',
        'old:81 other',
        'direct:9000 http',
        'secure:443 https',
        'django:3031 other',
        'php:9000 other',
        'rpc:50051 other',
        'scgi:4000 other'
      ],
      dynamic: [],
      unknown: false
    })
  })

  test('the files of nginx -T are followed from the first one, in their places', () => {
    const text = `# configuration file /etc/nginx/nginx.conf:
http { include /etc/nginx/conf.d/*.conf; server { location / { include pass.inc; } } }
# configuration file /etc/nginx/conf.d/up.conf:
upstream app { server web:8000; }
# configuration file /etc/nginx/pass.inc:
proxy_pass http://app;
# configuration file /etc/nginx/left.bak:
upstream left { server left:1; }`
    expect(nginx(text).held).toEqual(['web:8000 http'])
  })

  test('names in variables are resolved at each request, wherever the variable gets them from', () => {
    const text = `http { resolver 127.0.0.11 valid=10s;
  map $host $pool { default blue; api.example "green"; }
  server { set $backend http://web:8000;
    location / { proxy_pass $backend; }
    location /a { proxy_pass http://$pool:9000$request_uri; }
    location /b { proxy_pass http://literal:7000$request_uri; }
    location /c { set $up api; uwsgi_pass \${up}:3031; }
} }`
    expect(nginx(text)).toEqual({
      held: [],
      dynamic: [
        'web:8000 http',
        'blue:9000 http',
        'green:9000 http',
        'literal:7000 http',
        'api:3031 other'
      ],
      unknown: false
    })
  })

  test('a variable that leads to an upstream that is there anyway is held with it', () => {
    const text = `http { upstream app { server web:8000; }
  server { set $u app; location / { proxy_pass http://$u; } location /a { proxy_pass http://api:9000; }
    location /b { proxy_pass http://api:9000$uri; } location /c { proxy_pass http://api:9001$uri; } } }`
    expect(nginx(text)).toEqual({
      held: ['web:8000 http', 'api:9000 http'],
      dynamic: ['api:9001 http'],
      unknown: false
    })
  })

  test('a server within an upstream block does not hold the same name in a variable', () => {
    const text = `http { upstream app { server web:8000; }
  server { set $to web; location / { proxy_pass http://app; } location /a { proxy_pass http://$to:8000; } } }`
    expect(nginx(text)).toEqual({
      held: ['web:8000 http'],
      dynamic: ['web:8000 http'],
      unknown: false
    })
  })

  test('a name that only the request knows could be any; variables in the path alone do not matter', () => {
    expect(nginx('http { server { location / { proxy_pass http://$http_x_to:80; } } }')).toEqual({
      ...NOTHING,
      unknown: true
    })
    expect(nginx('http { server { location ~ ^/(.*) { proxy_pass http://web:80/$1; } } }')).toEqual(
      {
        ...NOTHING,
        dynamic: ['web:80 http']
      }
    )
  })

  test('servers with `resolve` are resolved while nginx runs', () => {
    const text =
      'http { resolver 127.0.0.11; upstream app { zone a 64k; server web:8000 resolve; server api:1; } }'
    expect(nginx(text)).toEqual({
      held: ['api:1 other'],
      dynamic: ['web:8000 other'],
      unknown: false
    })
  })

  test('a stream has upstreams of its own, and its servers listen for anything', () => {
    const text = `http { upstream db { server web:8000; } server { location / { proxy_pass http://db; } } }
stream { upstream db { server postgres:5432; } server { listen 5432; proxy_pass db; } server { listen 25; proxy_pass mail:25; } }`
    expect(nginx(text).held).toEqual(['web:8000 http', 'postgres:5432 other', 'mail:25 other'])
  })

  test('variables that refer to each other come to an end', () => {
    const text = 'http { server { set $a $b; set $b $a; location / { proxy_pass http://$a; } } }'
    expect(nginx(text)).toEqual({ ...NOTHING, unknown: true })
  })

  test.each([
    '',
    '}',
    'upstream',
    'http { upstream { server',
    'proxy_pass;',
    'upstream x { server; }'
  ])('what is cut off or wrong is read without an error: %j', text =>
    expect(nginx(text)).toEqual(NOTHING)
  )
})

describe('Caddy', () => {
  const caddy = (...handlers: unknown[]) =>
    read(
      'caddy',
      JSON.stringify({
        apps: {
          http: {
            servers: {
              s: { routes: [{ handle: [{ handler: 'subroute', routes: [{ handle: handlers }] }] }] }
            }
          }
        }
      })
    )

  test('every dial of a reverse proxy is held by name', () => {
    const fastcgi = {
      handler: 'reverse_proxy',
      transport: { protocol: 'fastcgi' },
      upstreams: [{ dial: 'php:9000' }]
    }
    const tls = {
      handler: 'reverse_proxy',
      transport: { protocol: 'http', tls: {} },
      upstreams: [{ dial: 'tcp/secure:8443' }]
    }
    const plain = {
      handler: 'reverse_proxy',
      upstreams: [{ dial: 'web:8000' }, { dial: 'unix//run/x' }, { dial: '10.0.0.1:80' }]
    }
    expect(caddy(plain, tls, fastcgi)).toEqual({
      held: ['web:8000 http', 'secure:8443 https', 'php:9000 other'],
      dynamic: [],
      unknown: false
    })
  })

  test('dynamic upstreams and placeholders are told apart', () => {
    const dynamic = {
      handler: 'reverse_proxy',
      dynamic_upstreams: { source: 'a', name: 'web', port: '8000' }
    }
    const made = { handler: 'reverse_proxy', upstreams: [{ dial: '{http.request.host}:80' }] }
    expect(caddy(dynamic, made)).toEqual({ held: [], dynamic: ['web:8000 http'], unknown: true })
  })

  test('what is not JSON says nothing', () => {
    expect(read('caddy', 'Error: adapting config')).toEqual(NOTHING)
  })

  test('without its admin endpoint it cannot reload', () => {
    const front = readFront('caddy 2.9.1\n{"admin":{"disabled":true},"apps":{}}')
    expect(front).toMatchObject({
      kind: 'caddy',
      version: '2.9.1',
      obstacle: expect.stringContaining('admin')
    })
    expect(readFront('caddy 2.9.1\n{"admin":{"listen":":2019"}}')?.obstacle).toBeUndefined()
  })
})

describe('HAProxy', () => {
  test('servers are held by name, unless they have resolvers', () => {
    const text = `global
  log stdout format raw local0 # server no:1
defaults
  mode http
  timeout connect 5s
resolvers docker
  nameserver dns 127.0.0.11:53
frontend in
  bind *:80
  default_backend app
backend app
  server one web:8000 check inter 2s
  server two "api:9000" ssl verify none
  server ip 10.0.0.1:80
  server sock unix@/run/x
backend late
  default-server resolvers docker init-addr none
  server three late:80
backend tcp
  mode tcp
  server db postgres:5432
  server-template many 3 pool:8000 resolvers docker`
    expect(read('haproxy', text)).toEqual({
      held: ['web:8000 http', 'api:9000 https', 'postgres:5432 other'],
      dynamic: ['late:80 http', 'pool:8000 other'],
      unknown: false
    })
  })

  test('a name from the environment could be any', () => {
    expect(read('haproxy', 'backend b\n server a "$WEB_HOST:80"\n')).toEqual({
      ...NOTHING,
      unknown: true
    })
  })

  test('without a master process it cannot reload', () => {
    expect(readFront('haproxy 3.0.11\n# no master\nglobal\n')?.obstacle).toContain('-W')
    expect(readFront('haproxy 3.0.11\nglobal\n')).toMatchObject({
      kind: 'haproxy',
      version: '3.0.11'
    })
  })
})

test('what is no proxy that is known is not read', () => {
  expect(readFront('')).toBeUndefined()
  expect(readFront('traefik 3\n')).toBeUndefined()
})
