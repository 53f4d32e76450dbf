import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { root } from '@diveops/build'
import { readConfiguration } from '@diveops/core/proxy/configuration'
import { readSites } from '@diveops/core/proxy/sites'
import { runnerExec, up } from '@diveops/lab'
import type { Options } from './benchmark.ts'
import { table } from './table.ts'

/** Mozilla's server side TLS guideline 6.0, intermediate: what a server offers, and nothing else. */
const GUIDELINE: Record<string, readonly string[]> = {
  protocol: ['tls1_2', 'tls1_3'],
  'cipher of 1.2': [
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305'
  ],
  'cipher of 1.3': [
    'TLS_AES_128_GCM_SHA256',
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256'
  ],
  group: ['X25519MLKEM768', 'X25519', 'prime256v1', 'secp384r1']
}

const NGINX = path.join(root, 'workflows-examples/django-diveops/docker/nginx')
const NAME = 'happydiving.mx'

/**
 * Scans what the nginx of the example offers, one handshake for each protocol, cipher and group
 * that this OpenSSL knows, and compares it with the guideline. The certificate is an ECDSA one, as
 * setup-ssl obtains.
 */
export async function tls({ say }: Options) {
  await up(say)
  const offered = await scan()
  const rows: string[][] = []
  const figures: Record<string, { offered: string[]; missing: string[]; extra: string[] }> = {}
  for (const [kind, wanted] of Object.entries(GUIDELINE)) {
    const found = offered.get(kind) ?? []
    const extra = found.filter(name => !wanted.includes(name))
    const missing = wanted.filter(name => !found.includes(name))
    figures[kind] = { offered: found, missing, extra }
    for (const name of [...wanted, ...extra]) {
      rows.push([
        name,
        kind,
        wanted.includes(name) ? 'yes' : 'no',
        found.includes(name) ? 'yes' : 'no'
      ])
    }
  }
  const same = Object.values(figures).every(one => one.missing.length + one.extra.length === 0)
  say(table(['', 'kind', 'guideline 6.0', 'example'], rows))
  say(`\n${offered.get('tried')?.[0]} handshakes; ${same ? 'the same' : 'not the same'}\n`)
  return { bench: 'tls', same, tried: Number(offered.get('tried')?.[0]), ...figures }
}

async function scan(): Promise<Map<string, string[]>> {
  const { code, stdout, stderr } = await runnerExec(await script())
  if (code !== 0) throw new Error(`the scan failed: ${stderr}`)
  const found = new Map<string, string[]>()
  for (const line of stdout.trim().split('\n')) {
    const [kind = '', name = ''] = line.split('\t')
    found.set(kind, [...(found.get(kind) ?? []), name])
  }
  return found
}

async function script(): Promise<string> {
  const configuration = await readFile(path.join(NGINX, 'nginx.conf'), 'utf8')
  const sites = readSites(readConfiguration(configuration))
  const folders = sites.map(({ certificate }) => path.dirname(certificate))
  const parts = await readdir(path.join(NGINX, 'conf.d'))
  const files = ['nginx.conf', ...parts.map(name => `conf.d/${name}`)]
  const written = await Promise.all(
    files.map(async name => {
      const content = await readFile(path.join(NGINX, name))
      return `echo ${content.toString('base64')} | base64 -d > "$D/${name}"`
    })
  )
  return `set -e
D=$(mktemp -d); mkdir "$D/conf.d"; box=
trap 'docker rm -f "$box" > /dev/null 2>&1; rm -rf "$D"' EXIT
${written.join('\n')}
for folder in ${[...new Set(folders)].join(' ')}; do
  mkdir -p "$D/root$folder"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=${NAME} -keyout "$D/root$folder/privkey.pem" -out "$D/root$folder/fullchain.pem" 2>/dev/null
done
box=$(docker run -d --add-host web:127.0.0.1 -v "$D/nginx.conf:/etc/nginx/nginx.conf" -v "$D/conf.d:/etc/nginx/conf.d" -v "$D/root/etc/nginx/certs:/etc/nginx/certs" nginx:alpine)
at=$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$box")
tried=0
shake() { tried=$((tried + 1)); timeout 5 openssl s_client -connect "$at:443" -servername ${NAME} "$@" < /dev/null > /dev/null 2>&1; }
until shake; do [ "$tried" -lt 50 ] || { docker logs "$box" >&2; exit 1; }; sleep 0.1; done
tried=0
for name in tls1 tls1_1 tls1_2 tls1_3; do if shake -$name -cipher ALL:@SECLEVEL=0; then printf 'protocol\\t%s\\n' $name; fi; done
for name in $(openssl ciphers -s -tls1_2 ALL:COMPLEMENTOFALL:@SECLEVEL=0 | tr : ' '); do
  if shake -tls1_2 -cipher "$name:@SECLEVEL=0"; then printf 'cipher of 1.2\\t%s\\n' "$name"; fi
done
for name in $(openssl ciphers -s -tls1_3 | tr : ' ') TLS_AES_128_CCM_SHA256; do
  if shake -tls1_3 -ciphersuites "$name"; then printf 'cipher of 1.3\\t%s\\n' "$name"; fi
done
for name in X25519MLKEM768 SecP256r1MLKEM768 X25519 X448 prime256v1 secp384r1 secp521r1 brainpoolP256r1tls13 ffdhe2048 ffdhe3072; do
  if shake -tls1_3 -groups "$name"; then printf 'group\\t%s\\n' "$name"; fi
done
printf 'tried\\t%s\\n' "$tried"`
}
