#!/bin/sh
set -e
for file in /docker-entrypoint.d/*.sh; do
  [ -x "$file" ] && "$file"
done
exec "$@"
