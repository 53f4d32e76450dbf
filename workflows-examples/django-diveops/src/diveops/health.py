"""Whether this process can serve: it can when its database and its cache answer."""

import logging
from collections.abc import Callable

from django.core.cache import cache
from django.db import connection

log = logging.getLogger(__name__)


def check() -> dict[str, bool]:
    return {"database": _works(_ask_database), "cache": _works(_ask_cache)}


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _ask_cache() -> None:
    cache.get("health")


def _works(ask: Callable[[], None]) -> bool:
    try:
        ask()
    # Whatever a driver raises, the answer is that it does not work.
    except Exception as error:
        log.warning("health: %s: %s", ask.__name__.removeprefix("_ask_"), error)
        return False
    return True
