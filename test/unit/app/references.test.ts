import { expect, test } from '@jest/globals'
import { isPlaceholder, referencedPaths } from '../../../packages/core/src/app/references.ts'

test('mounts, env files, configs, secrets and included files of the repository are found', () => {
  const text = `
include: [extra/compose.yml]
services:
  web:
    env_file: [.env, app.env, {path: ./more.env, required: false}]
    volumes:
      - ./docker/nginx/nginx.conf:/etc/nginx/nginx.conf:ro
      - static_data:/app/static
      - /etc/localtime:/etc/localtime:ro
      - \${DATA}/x:/x
      - {type: bind, source: ./conf.d/, target: /etc/nginx/conf.d}
      - {type: volume, source: media, target: /media}
      - ../outside:/outside
    extends: {file: base.yml, service: web}
configs: {site: {file: ./site.conf}}
secrets: {key: {file: keys/key.pem}}
`
  expect(referencedPaths(text, 'c.yml').sort()).toEqual([
    'app.env',
    'base.yml',
    'conf.d',
    'docker/nginx/nginx.conf',
    'extra/compose.yml',
    'keys/key.pem',
    'more.env',
    'site.conf'
  ])
})

test('a file that is no YAML is named', () => {
  expect(() => referencedPaths('services: [', 'c.yml')).toThrow(/^c\.yml: /)
})

test('a folder that only holds a place for data is told from one with files', () => {
  expect(isPlaceholder(['media/.gitkeep'])).toBe(true)
  expect(isPlaceholder(['conf.d/.gitkeep', 'conf.d/a.conf'])).toBe(false)
  expect(isPlaceholder([])).toBe(false)
})
