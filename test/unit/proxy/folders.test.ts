import { expect, test } from '@jest/globals'
import { readConfiguration } from '../../../packages/core/src/proxy/configuration.ts'
import { servedFolders, workerUser } from '../../../packages/core/src/proxy/folders.ts'

const folders = (text: string) => servedFolders(readConfiguration(text))

test('alias and root come to the folder that nginx reads', () => {
  const text = `http {
  server {
    listen 443 ssl;
    server_name _ happydiving.mx;
    root /srv/www;
    location /static/ { alias /app/staticfiles/; expires 1y; }
    location ^~ /media { alias /app/media; }
    location /docs/ { }
    location / { proxy_pass http://web; }
  }
}`
  const origin = 'https://happydiving.mx'
  expect(folders(text)).toEqual([
    { origin, prefix: '/static/', folder: '/app/staticfiles/' },
    { origin, prefix: '/media/', folder: '/app/media/' },
    { origin, prefix: '/docs/', folder: '/srv/www/docs/' }
  ])
})

test('what hands on, is a pattern, has a variable or is for challenges is no folder', () => {
  const text = `server {
  location /api/ { root /srv; proxy_pass http://web; }
  location ~ ^/img/ { root /srv; }
  location /tenant/ { alias /srv/$host/; }
  location ^~ /.well-known/acme-challenge/ { root /srv/certs; }
  location /old/ { return 301 /new/; }
}`
  expect(folders(text)).toEqual([])
})

test('a folder that several servers have counts once', () => {
  const server = 'server { listen 80; location /static/ { alias /srv/static/; } }'
  expect(folders(`${server} ${server}`)).toEqual([
    { origin: 'http://localhost', prefix: '/static/', folder: '/srv/static/' }
  ])
})

test('the workers run as nginx unless the configuration says otherwise', () => {
  expect(workerUser(readConfiguration('user www-data;'))).toBe('www-data')
  expect(workerUser(readConfiguration('events {}'))).toBe('nginx')
})
