import { caddyObstacle } from './caddy.ts'
import { type Front, PROXY_KINDS, type ProxyKind } from './front.ts'

/**
 * Shell text, for the proxy's own container, that finds which proxy runs there: sets `kind`, its
 * first process `pid`, and `words`, by which it was told where its configuration is.
 */
const FIND = String.raw`kind=
for pid in $(ls /proc | grep '^[0-9]*$' | sort -n); do
  name=$(cat "/proc/$pid/comm" 2>/dev/null)
  case $name in nginx|caddy|haproxy) kind=$name; break ;; esac
done
words=$(tr '\0' '\n' 2>/dev/null < "/proc/$pid/cmdline" | awk -v kind="$kind" '
  kind == "nginx" { n = split($0, w, " "); for (i = 1; i < n; i++) if (w[i] == "-c") print "-c " w[i + 1]; exit }
  take { print flag " " $0; take = 0; next }
  (kind == "haproxy" && $0 == "-f") || (kind == "caddy" && ($0 == "--config" || $0 == "--adapter")) { flag = $0; take = 1 }' | tr '\n' ' ')`

/**
 * Shell text that sets `FRONT_KIND`, `FRONT_PID` and `FRONT_WORDS` for the container `$FRONT`. Asked once
 * more when there is no answer: a proxy of which nothing is known would be taken for one that refuses.
 */
export const FIND_FRONT = `FRONT_KIND= FRONT_PID= FRONT_WORDS=
for turn in 1 2; do
  [ -n "$FRONT" ] && [ -z "$FRONT_KIND" ] || break
  ! docker exec -i "$FRONT" sh -s > "$SCRATCH/front" 2>/dev/null <<'FIND' || { read -r FRONT_KIND; read -r FRONT_PID; read -r FRONT_WORDS; } < "$SCRATCH/front"
${FIND}
echo "$kind"; echo "$pid"; echo "$words"
FIND
done`

/**
 * Prints what the proxy in a container is and reads, for `readFront`; fails when it is none that is
 * known. nginx refuses to print as soon as a certificate is gone, while it still serves what it read
 * before: then its files as they lie there.
 */
export function frontProbe(container: string): string {
  return String.raw`docker exec -i ${container} sh -s <<'FIND'
${FIND}
case $kind in
nginx)
  nginx -v 2>&1 | sed -n 's|.*/\([0-9.]*\).*|nginx \1|p'
  nginx -T $words 2>/dev/null || for f in /etc/nginx/nginx.conf $(find -L /etc/nginx -type f -name '*.conf' ! -path /etc/nginx/nginx.conf); do
    echo "# configuration file $f:"; cat "$f"
  done ;;
caddy)
  caddy version | sed -n '1s|^v*\([0-9.]*\).*|caddy \1|p'
  caddy adapt $words 2>/dev/null ;;
haproxy)
  haproxy -v | sed -n '1s|.* version \([0-9.]*\).*|haproxy \1|p'
  case " $(tr '\0' ' ' < "/proc/$pid/cmdline") " in *' -W '*|*' -Ws '*) ;; *) echo '# no master' ;; esac
  for f in $(echo "$words" | sed 's/-f //g'); do if [ -d "$f" ]; then cat "$f"/*.cfg; else cat "$f"; fi; done ;;
*) exit 1 ;;
esac
FIND`
}

/** Reads what `frontProbe` printed. */
export function readFront(text: string): Front | undefined {
  const [, name = '', version = ''] = /^(\w+) ?([\d.]*)\n/.exec(text) ?? []
  const kind = PROXY_KINDS.find(one => one === name)
  if (kind === undefined) return undefined
  const configuration = text.slice(text.indexOf('\n') + 1)
  const obstacle = obstacleOf(kind, configuration)
  return { kind, version, configuration, ...(obstacle && { obstacle }) }
}

function obstacleOf(kind: ProxyKind, configuration: string): string | undefined {
  if (kind === 'caddy') return caddyObstacle(configuration)
  if (kind === 'haproxy' && configuration.startsWith('# no master')) {
    return 'it runs without a master process (-W)'
  }
  return undefined
}
