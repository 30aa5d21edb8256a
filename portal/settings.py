"""Every setting, each from the environment or `.env`; nothing else in the portal reads the environment.

Settings load without any key, so that commands which seal nothing work; what needs a key refuses in one line
(`portal.checks`, `portal.connections.crypto`).
"""

from __future__ import annotations

import os
from pathlib import Path

import environ
from django.utils.translation import gettext_lazy as _

from portal.keys import read_keys

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
ENV_FILE = Path(os.environ.get("ENV_FILE", str(BASE_DIR / ".env")))
if ENV_FILE.is_file():
    env.read_env(str(ENV_FILE))

VAR_DIR = Path(env.str("VAR_DIR", str(BASE_DIR / "var")))
DEBUG = env.bool("DEBUG", False)
HTTPS = env.bool("HTTPS", True)

_keys = read_keys(VAR_DIR / "keys", make=DEBUG)
SECRET_KEY = env.str("SECRET_KEY", "") or _keys.secret_key
SECRET_KEY_IS_SET = bool(SECRET_KEY)
if not SECRET_KEY:
    SECRET_KEY = "no-key-set-serving-is-refused"  # noqa: S105  settings load without keys; portal.checks refuses to serve
CREDENTIAL_KEYS = [k.strip() for k in env.str("CREDENTIAL_KEYS", "").split(",") if k.strip()] or _keys.credential_keys

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
CRM_ALLOWED_NETWORKS = env.list("CRM_ALLOWED_NETWORKS", default=[])

# What takes how long, in seconds. Checked against each other in portal.checks.
SLICE_SECONDS = env.int("SLICE_SECONDS", 20)
Q_TIMEOUT = env.int("Q_TIMEOUT", 60)
Q_RETRY = env.int("Q_RETRY", 90)
LEASE_SECONDS = env.int("LEASE_SECONDS", 75)
UNKNOWN_GRACE_SECONDS = env.int("UNKNOWN_GRACE_SECONDS", 30)
CALL_DEADLINE_SECONDS = env.int("CALL_DEADLINE_SECONDS", 30)
CALLS_KEPT_DAYS = env.int("CALLS_KEPT_DAYS", 30)
IDLE_RUNS_KEPT_DAYS = env.int("IDLE_RUNS_KEPT_DAYS", 7)
BEAT_SECONDS = 1.0  # how often who works looks and tells: progress, calls made, whether writing is still allowed

INSTALLED_APPS = [
    "portal.ui",
    "portal.accounts",
    "portal.connections",
    "portal.ledger",
    "portal.records",
    "portal.mappings",
    "portal.sync",
    "portal.ops",
    "portal.ui.apps.PortalAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
    "django_q",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.accounts.middleware.Preferences",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_URL = "admin:login"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# Database. SQLite needs every one of these options (design §8): without WAL, IMMEDIATE and a busy time-out a queue
# benchmark met 248 "database is locked"; mmap 0 and temp_store FILE keep memory flat.
DATABASES = {"default": env.db_url("DATABASE_URL", f"sqlite:///{VAR_DIR / 'portal.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"].setdefault("OPTIONS", {}).update(
        transaction_mode="IMMEDIATE",
        timeout=20,
        init_command="PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA mmap_size=0;"
        " PRAGMA temp_store=FILE; PRAGMA busy_timeout=20000;",
    )
    DATABASES["default"].setdefault("TEST", {})["NAME"] = None
else:
    DATABASES["default"].update(CONN_MAX_AGE=60, CONN_HEALTH_CHECKS=True)

# Cache and broker: the database while one machine is enough, Redis when REDIS_URL is set.
REDIS_URL = env.str("REDIS_URL", "")
CACHE_TABLE = "portal_cache"
if REDIS_URL:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
else:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": CACHE_TABLE}}
Q_NAME = env.str("Q_NAME", "portal")
CACHES["default"]["KEY_PREFIX"] = Q_NAME
Q_CLUSTER = {
    "name": Q_NAME,
    "workers": env.int("Q_WORKERS", 2),
    "timeout": Q_TIMEOUT,
    "retry": Q_RETRY,
    "max_attempts": 1,  # a run goes on by its own lease and resume_runs, never by redelivery
    "ack_failures": True,
    "catch_up": False,
    "queue_limit": 50,
    "bulk": 1,
    "poll": 0.5,
    "save_limit": 250,
    "label": _("Background tasks"),
    **({"redis": REDIS_URL} if REDIS_URL else {"orm": "default"}),
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fa", "فارسی")]
LOCALE_PATHS = [BASE_DIR / "portal" / "locale"]
FORMAT_MODULE_PATH = ["portal.ui.formats"]
TIME_ZONE = env.str("TIME_ZONE", "UTC")
USE_TZ = True
USE_I18N = True

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

vars().update(env.email_url("EMAIL_URL", "consolemail://"))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "portal@localhost")
EMAIL_TIMEOUT = 10  # seconds: a mail server that is silent must not hold a worker

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000  # of a value table's grid: two for each of up to 5,000 rows, and some to refuse
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
        "object-src": ["'none'"],
        "report-uri": "/csp-report/",
    }
}
DEFAULT_EXCEPTION_REPORTER_FILTER = "portal.ui.reports.AlwaysHiding"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", "INFO")},
}
