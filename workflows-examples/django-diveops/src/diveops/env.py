"""Reading of environment variables. One that is set to nothing counts as not set."""

import os

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str | None = None) -> str:
    value = os.environ.get(name) or default
    if value is None:
        raise ImproperlyConfigured(f"environment variable {name} is not set")
    return value


def flag(name: str, default: bool = False) -> bool:
    return text(name, str(default)).lower() in ("true", "yes", "on", "1")


def words(name: str, default: str = "") -> list[str]:
    return [word.strip() for word in text(name, default).split(",") if word.strip()]
