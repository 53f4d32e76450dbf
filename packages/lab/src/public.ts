import type { ImageName } from './images.ts'

/** A public image that examples use by its real name. */
export interface PublicImage {
  /** As compose files and Dockerfiles write it. */
  name: string
  /** What stands in for it where Docker Hub cannot be reached. */
  standIn: ImageName
  /** A command in the stand-in that prints its version. */
  version: readonly string[]
}

/** The public images that the lab's mirror holds. */
export const PUBLIC_IMAGES: readonly PublicImage[] = [
  { name: 'nginx:alpine', standIn: 'nginx', version: ['nginx', '-v'] },
  { name: 'nginx:1.22', standIn: 'nginx-old', version: ['nginx', '-v'] },
  { name: 'caddy:alpine', standIn: 'caddy', version: ['caddy', 'version'] },
  { name: 'caddy:2-alpine', standIn: 'caddy', version: ['caddy', 'version'] },
  { name: 'haproxy:alpine', standIn: 'haproxy', version: ['haproxy', '-v'] },
  { name: 'postgres:16-alpine', standIn: 'postgres', version: ['postgres', '--version'] },
  { name: 'redis:7-alpine', standIn: 'redis', version: ['redis-server', '--version'] },
  { name: 'python:3.12-slim', standIn: 'python', version: ['python', '--version'] },
  { name: 'certbot/certbot:v5.8.0', standIn: 'certbot', version: ['certbot', '--version'] },
  { name: 'node:24-alpine', standIn: 'node', version: ['node', '--version'] },
  { name: 'node:24-slim', standIn: 'node', version: ['node', '--version'] }
]

/** The program and version in a line such as `nginx version: nginx/1.30.6`. */
export function versionIn(program: string, line: string): string {
  const version = /\d+(?:\.\d+)+/.exec(line)?.[0] ?? 'unknown'
  return `${program} ${version}`
}
