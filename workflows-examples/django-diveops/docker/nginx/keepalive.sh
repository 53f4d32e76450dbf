#!/bin/sh
# Run by the image before nginx starts. A reload closes idle connections at once, and a request that
# is on its way in one is lost. From 1.27.4 on nginx can leave the client time to send it.
set -eu
conf=/etc/nginx/keepalive_min_timeout.conf
probe=$(mktemp)
echo 'events {} http { keepalive_min_timeout 3s; }' > "$probe"
if nginx -t -q -c "$probe" 2> /dev/null; then
  echo 'keepalive_min_timeout 3s;' > "$conf"
else
  rm -f "$conf"
fi
rm -f "$probe"
