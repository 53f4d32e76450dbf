import { type Row, rowsOf } from '../deploy/row.ts'
import { linesOf, type Seen } from './seen.ts'

/** What others could take advantage of. */
export const SAFETY_PROBES = {
  envMode: `stat -c '%a %U' "$P/.env"`,
  debug: `on='(DJANGO_|FLASK_|APP_)?DEBUG[[:space:]]*=[[:space:]]*["'"'"']?(true|1|yes|on)["'"'"']?[[:space:]]*$'
grep -iE "^[[:space:]]*(export[[:space:]]+)?$on" "$P/.env" 2> /dev/null | sed 's/[[:space:]]*=.*/ in .env/'
grep -iE "^[^ ]+ $on" "$SCRATCH/env" | sed 's#^\\([^ ]*\\) \\([^=]*\\)=.*#\\2 in \\1#'`,
  logins: `awk -F'"' '/"auths"/ { inside = 1; next } inside && NF >= 3 && $2 != "auth" && /\\{/ { name = $2 } inside && $2 == "auth" && $4 != "" { print name }' "\${DOCKER_CONFIG:-$HOME/.docker}/config.json"`,
  sockets: `ids=$(docker ps -q); [ -z "$ids" ] || docker inspect -f '{{.Name}}{{range .Mounts}} {{.Source}}{{end}}' $ids | grep -E ' (/var)?/run/docker.sock( |$)' | sed 's#^/\\([^ ]*\\).*#\\1#'`,
  sshd: `[ "$(id -u)" = 0 ] && sshd -T 2> /dev/null | grep -i '^passwordauthentication' && exit 0
[ -r /etc/ssh/sshd_config ] || { echo closed; exit 0; }
for f in /etc/ssh/sshd_config.d/*.conf /etc/ssh/sshd_config; do [ -r "$f" ] || { [ ! -e "$f" ] || echo closed; continue; }; awk 'tolower($1) == "match" { exit } { print }' "$f"; done |
  grep -iE '^closed|^[[:space:]]*PasswordAuthentication[[:space:]]' | head -n 1`
}

type SafetySeen = Seen<keyof typeof SAFETY_PROBES>

const { ok, hint, warning, error } = rowsOf('safety')

/** Rows of what others could take advantage of. */
export function safetyRows(seen: SafetySeen): Row[] {
  return [envRow(seen), debugRow(seen), loginRow(seen), socketRow(seen), sshdRow(seen)]
}

function envRow({ sections: { envMode }, config }: SafetySeen): Row {
  if (envMode.code !== 0) return ok('.env', 'none')
  const [mode = '', owner = ''] = envMode.text.split(' ')
  if (/^[46]00$/.test(mode)) return ok('.env', `mode ${mode}, of ${owner}`)
  return warning('.env', `mode ${mode}, of ${owner}`, {
    cause: 'other users of the server may read the secrets in it',
    next: `chmod 600 ${config.path}/.env`
  })
}

function debugRow({ sections: { debug } }: SafetySeen): Row {
  const on = linesOf(debug)
  if (on.length === 0) return ok('debug mode', 'off')
  return error('debug mode', on.join(', '), {
    cause: 'error pages show code, settings and queries to every visitor',
    next: 'set DEBUG=False in .env and deploy again'
  })
}

function loginRow({ sections: { logins } }: SafetySeen): Row {
  const names = linesOf(logins)
  if (names.length === 0) return ok('registry logins', 'none left on the server')
  return warning('registry logins', names.join(', '), {
    cause: 'the token lies readable in ~/.docker/config.json; a deploy needs none on the server',
    next: names.map(name => `docker logout ${name}`).join(' && ')
  })
}

function socketRow({ sections: { sockets } }: SafetySeen): Row {
  const names = linesOf(sockets)
  if (names.length === 0) return ok('Docker socket', 'in no container')
  return warning('Docker socket', `mounted in ${names.join(', ')}`, {
    cause: 'whoever gets into such a container is root on the server, read-only mount or not',
    next: 'remove the mount, or put a socket proxy before it'
  })
}

function sshdRow({ sections: { sshd } }: SafetySeen): Row {
  const [setting = ''] = linesOf(sshd)
  if (setting === 'closed') return ok('password login', 'cannot be seen by this user')
  if (/\sno$/i.test(setting)) return ok('password login', 'off')
  return hint('password login', setting === '' ? 'not switched off' : 'on', {
    cause: 'sshd lets everybody try passwords',
    next: "echo 'PasswordAuthentication no' | sudo tee /etc/ssh/sshd_config.d/10-keys-only.conf && sudo systemctl reload ssh"
  })
}
