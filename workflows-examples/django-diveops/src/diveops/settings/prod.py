"""Production: everything that differs between servers comes from the environment."""

from diveops import env

from .base import *  # noqa: F403
from .base import LOG_ROOT, MEDIA_ROOT, postgres

DEBUG = False  # whatever the environment says
SECRET_KEY = env.text("SECRET_KEY")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")

DATABASES = {"default": postgres()}

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": env.text("REDIS_URL"),
        "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 2},
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.cache"

# nginx ends TLS and says so. Without certificates yet, cookies have to work over HTTP, too.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT")
SESSION_COOKIE_SECURE = SECURE_SSL_REDIRECT
CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT

STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": MEDIA_ROOT},
    },
    "staticfiles": {"BACKEND": "diveops.storage.ReleaseStaticFilesStorage"},
}
if env.text("AWS_STORAGE_BUCKET_NAME", ""):
    # Credentials are read from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
    STORAGES["default"] = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {"bucket_name": env.text("AWS_STORAGE_BUCKET_NAME")},
    }

# Without a mail server, booking confirmations are shown on the page only.
EMAIL_HOST = env.text("EMAIL_HOST", "")
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'dummy'}.EmailBackend"
EMAIL_PORT = int(env.text("EMAIL_PORT", "587"))
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", True)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD", "")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line"},
        # Several processes append to it; logrotate may take it away under them.
        "file": {
            "class": "logging.handlers.WatchedFileHandler",
            "filename": LOG_ROOT / "django.log",
            "delay": True,
            "level": "WARNING",
            "formatter": "line",
        },
    },
    "root": {"handlers": ["console", "file"], "level": "INFO"},
}

if env.text("SENTRY_DSN", ""):
    import sentry_sdk

    sentry_sdk.init(dsn=env.text("SENTRY_DSN"), release=RELEASE)  # noqa: F405
