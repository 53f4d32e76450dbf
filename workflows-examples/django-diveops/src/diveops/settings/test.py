"""Tests: nothing outside of the process, unless POSTGRES_HOST names a database to test with."""

from .base import *  # noqa: F403

DEBUG = False
SECRET_KEY = "for tests only"  # noqa: S105
ALLOWED_HOSTS = ["testserver", "happydiving.mx", "www.happydiving.mx", "buceofeliz.com"]

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
SESSION_ENGINE = "django.contrib.sessions.backends.cache"
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
