#!/bin/sh
# The real image's entrypoint: options alone mean haproxy, which runs as master and workers.
set -e
case ${1#-} in "$1") ;; *) set -- haproxy "$@" ;; esac
if [ "$1" = haproxy ]; then
  shift
  set -- haproxy -W -db "$@"
fi
exec "$@"
