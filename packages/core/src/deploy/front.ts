/** Shell function that names the container which publishes port 80 or 443; needs `project`. */
export const FRONT =
  'front() { docker ps -q --filter "label=com.docker.compose.project=$(project)" --filter publish=80 --filter publish=443 | head -n 1; }'

/**
 * What nginx reads: as it says itself, or its files as they lie there when it refuses them, which it
 * does as soon as a certificate is gone, while it still serves what it read before.
 */
export const NGINX_PROBE = `box=$(front); [ -n "$box" ] || exit 1
docker exec "$box" nginx -T 2>/dev/null || docker exec "$box" sh -c 'nginx -v 2>/dev/null || exit 1
for f in /etc/nginx/nginx.conf $(find -L /etc/nginx -type f -name "*.conf" ! -path /etc/nginx/nginx.conf); do
  echo "# configuration file $f:"; cat "$f"
done'`
