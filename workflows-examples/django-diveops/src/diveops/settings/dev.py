"""Development on one's own machine."""

from .base import *  # noqa: F403

DEBUG = True
SECRET_KEY = "for development only"  # noqa: S105
ALLOWED_HOSTS = ["*"]

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
