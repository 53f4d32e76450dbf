#!/bin/sh
# The real image's entrypoint: options alone mean the server, which does not run as root.
set -e
case ${1#-} in
  "$1") case $1 in *.conf) set -- redis-server "$@" ;; esac ;;
  *) set -- redis-server "$@" ;;
esac
if [ "$1" = redis-server ]; then
  # The real image is compiled without protected mode, which refuses other containers.
  set -- "$@" --protected-mode no
  if [ "$(id -u)" = 0 ]; then
    find . ! -user redis -exec chown redis '{}' +
    exec setpriv --reuid redis --regid redis --init-groups -- "$@"
  fi
fi
exec "$@"
