"""What all environments share."""

from pathlib import Path

from diveops import env

BASE_DIR = Path(__file__).resolve().parents[3]

# Which release this is: baked into the image, told by /health/ and the header X-Release.
RELEASE = env.text("DIVEOPS_RELEASE", "unknown")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "diveops",
    "bookings",
]

MIDDLEWARE = [
    "diveops.middleware.ReleaseMiddleware",
    # Before anything that looks at the host or redirects: the container asks as localhost, by HTTP.
    "diveops.middleware.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "diveops.middleware.DomainLanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "diveops.urls"
WSGI_APPLICATION = "diveops.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "diveops.context.release",
            ],
        },
    },
]


def postgres() -> dict:
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": env.text("POSTGRES_DB", "diveops"),
        "USER": env.text("POSTGRES_USER", "diveops"),
        "PASSWORD": env.text("POSTGRES_PASSWORD"),
        "HOST": env.text("POSTGRES_HOST"),
        "PORT": env.text("POSTGRES_PORT", "5432"),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        # Seconds, and milliseconds after which a connection whose other end is gone is given up.
        "OPTIONS": {"connect_timeout": 3, "tcp_user_timeout": 10_000},
    }


def sqlite() -> dict:
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}


# Without a server at hand, development and tests get by with a file.
DATABASES = {"default": postgres() if env.text("POSTGRES_HOST", "") else sqlite()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# The language follows the domain, not the browser. A www in front makes no difference.
DOMAIN_LANGUAGES = {"happydiving.mx": "en", "buceofeliz.com": "es"}
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("es", "Español")]
LOCALE_PATHS = [BASE_DIR / "src" / "locale"]
TIME_ZONE = "America/Cancun"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATIC_MANIFEST_ROOT = BASE_DIR / "manifest"
MEDIA_URL = "/media/"
MEDIA_ROOT = BASE_DIR / "media"
LOG_ROOT = BASE_DIR / "logs"

DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "bookings@happydiving.mx")
EMAIL_TIMEOUT = 5

# Endpoints that only load tests need, such as one that is slow on demand.
TEST_ENDPOINTS = env.flag("DIVEOPS_TEST_ENDPOINTS")
