#!/bin/sh
# Waits for PostgreSQL, then runs what it was given: the server, or a command such as
# `python manage.py migrate`.
set -eu

python - <<'PYTHON'
import os
import sys
import time

import psycopg

host = os.environ.get("POSTGRES_HOST")
deadline = time.monotonic() + 60
while host:
    try:
        psycopg.connect(
            host=host,
            port=os.environ.get("POSTGRES_PORT") or 5432,
            dbname=os.environ.get("POSTGRES_DB") or "diveops",
            user=os.environ.get("POSTGRES_USER") or "diveops",
            password=os.environ.get("POSTGRES_PASSWORD"),
            connect_timeout=3,
        ).close()
        break
    except psycopg.OperationalError as error:
        if time.monotonic() > deadline:
            sys.exit(f"PostgreSQL is not ready after 60 s: {error}")
        time.sleep(0.1)
PYTHON

case "$*" in
  gunicorn* | *runserver*)
    if [ "${MIGRATE:-}" = true ]; then
      python manage.py migrate --noinput
    fi
    if [ -n "${DJANGO_SUPERUSER_USERNAME:-}" ] && [ -n "${DJANGO_SUPERUSER_PASSWORD:-}" ]; then
      python manage.py ensure_superuser
    fi
    ;;
esac

exec "$@"
