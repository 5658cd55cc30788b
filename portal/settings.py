"""Settings: one file, driven by the environment, safe unless DEBUG.

docs/operations.md lists every variable.
"""

import logging
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any, cast

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from environs import Env, validate

from portal.environment import forget_empty
from portal.languages import found_in

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

env = Env(eager=False)
# Before .env is read, or an empty variable would hide what it says; and after, since it may say nothing too.
forget_empty()
env.read_env(BASE_DIR / ".env", recurse=False)
forget_empty()

DEBUG: bool = env.bool("DEBUG", default=False)
# Serving without TLS is for the own machine alone: it is refused below for any other host.
PLAIN_HTTP: bool = env.bool("PLAIN_HTTP", default=DEBUG)
_secret_key: str = env.str("SECRET_KEY", default="")
_secret_key_file: str = env.str("SECRET_KEY_FILE", default=str(VAR_DIR / "secret_key"))
UID_SECRET: str = env.str("UID_SECRET", default="")
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
BEHIND_TLS_PROXY: bool = env.bool("BEHIND_TLS_PROXY", default=False)
_database = env.dj_db_url("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'portal.sqlite3'}")
_replica_url: str = env.str("DATABASE_REPLICA_URL", default="")
DATABASE_POOL_SIZE: int = env.int("DATABASE_POOL_SIZE", default=0, validate=validate.Range(min=0, max=100))
_email = env.dj_email_url("EMAIL_URL", default="console:")
DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL", default="vouchers@localhost")
PUBLIC_URL: str = env.str("PUBLIC_URL", default="http://127.0.0.1:8000").rstrip("/")
LOG_LEVEL: int = env.log_level("LOG_LEVEL", default=logging.INFO)
HSTS_INCLUDE_SUBDOMAINS: bool = env.bool("HSTS_INCLUDE_SUBDOMAINS", default=False)
MAILS_PER_ADDRESS_PER_HOUR: int = env.int("MAILS_PER_ADDRESS_PER_HOUR", default=10)
MAILS_PER_GUEST_PER_HOUR: int = env.int("MAILS_PER_GUEST_PER_HOUR", default=20)
# A hold of 0 minutes is none: then choosing a time keeps it from nobody.
HOLD_MINUTES: int = env.int("HOLD_MINUTES", default=5, validate=validate.Range(min=0, max=60))
HOLDS_PER_ADDRESS_PER_HOUR: int = env.int("HOLDS_PER_ADDRESS_PER_HOUR", default=60)
OFFER_HOLD_MINUTES: int = env.int("OFFER_HOLD_MINUTES", default=60, validate=validate.Range(min=5, max=1440))
API_WRITES_PER_MINUTE: int = env.int("API_WRITES_PER_MINUTE", default=60)
API_READS_PER_MINUTE: int = env.int("API_READS_PER_MINUTE", default=120)
PRESENCE_PER_MINUTE: int = env.int("PRESENCE_PER_MINUTE", default=60, validate=validate.Range(min=12))
TRUSTED_PROXIES: int = env.int("TRUSTED_PROXIES", default=0)
GUEST_DATA_DAYS: int = env.int("GUEST_DATA_DAYS", default=365, validate=validate.Range(min=0, max=36500))
LEGACY_API: bool = env.bool("LEGACY_API", default=True)
REDIS_URL: str = env.str("REDIS_URL", default="")
if REDIS_URL and not REDIS_URL.startswith(("redis://", "rediss://", "unix://")):
    raise ImproperlyConfigured("REDIS_URL has to begin with redis://, rediss:// or unix://.")
_private_networks: list[str] = env.list("WEBHOOK_PRIVATE_NETWORKS", default=[])
WEBHOOK_THREADS: int = env.int("WEBHOOK_THREADS", default=4, validate=validate.Range(min=1, max=64))
STATIC_ROOT: Path = env.path("STATIC_ROOT", default=BASE_DIR / "staticfiles")
REMINDER_HOURS: int = env.int("REMINDER_HOURS", default=24, validate=validate.Range(min=0, max=168))
KEEP_MAILS_DAYS: int = env.int("KEEP_MAILS_DAYS", default=90, validate=validate.Range(min=1))
KEEP_JOBS_DAYS: int = env.int("KEEP_JOBS_DAYS", default=7, validate=validate.Range(min=4))
KEEP_DELIVERIES_DAYS: int = env.int("KEEP_DELIVERIES_DAYS", default=30, validate=validate.Range(min=4))
KEEP_SIGN_INS_DAYS: int = env.int("KEEP_SIGN_INS_DAYS", default=30, validate=validate.Range(min=1))
LOG_FORMAT: str = env.str("LOG_FORMAT", default="plain", validate=validate.OneOf(["plain", "json"]))
METRICS_TOKEN: str = env.str("METRICS_TOKEN", default="")
MIN_FREE_DISK_MB: int = env.int("MIN_FREE_DISK_MB", default=200)
SENTRY_DSN: str = env.str("SENTRY_DSN", default="")
SENTRY_ENVIRONMENT: str = env.str("SENTRY_ENVIRONMENT", default="production")
env.seal()

if not _secret_key and Path(_secret_key_file).is_file():
    _secret_key = Path(_secret_key_file).read_text().strip()
if not _secret_key and DEBUG:
    _secret_key = "only-for-debug-" + "0" * 40
if not _secret_key:
    raise ImproperlyConfigured("Set SECRET_KEY, or SECRET_KEY_FILE to a file that holds it.")
SECRET_KEY = _secret_key

# Uids of guests are derived under it: it outlives a SECRET_KEY that is changed.
UID_SECRET = UID_SECRET or SECRET_KEY

try:
    WEBHOOK_PRIVATE_NETWORKS = [ip_network(network.strip()) for network in _private_networks]
except ValueError as error:
    raise ImproperlyConfigured(f"WEBHOOK_PRIVATE_NETWORKS: {error}.") from error

if not _email.get("EMAIL_BACKEND"):
    # Any other scheme would be taken for SMTP without TLS.
    raise ImproperlyConfigured("EMAIL_URL: use submission://user:password@host:587 or smtp://host:25.")

_LOOPBACK = {"127.0.0.1", "localhost", "[::1]", "testserver"}
if PLAIN_HTTP and not DEBUG and not set(ALLOWED_HOSTS) <= _LOOPBACK:
    raise ImproperlyConfigured("PLAIN_HTTP is only for loopback hosts: serve others over TLS.")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_htmx",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "django_tasks_db",
    "ninja",
    "portal",
    "events",
    "presence",
    "vouchers",
    "bookings",
    "reports",
    "printing",
    "bulk",
    "webhooks",
    "access",
    "operations",
    "waiting",
    "parties",
    "feeds",
    "guests",
    "staff",
    "desk",
    "legacy",
]

# Guests' pages are not made anew while nothing has changed; see portal.freshness.
PAGE_MEMORY = not DEBUG

MIDDLEWARE = [
    "portal.sight.SightMiddleware",
    "portal.middleware.BrowserHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "portal.api_middleware.ApiMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.page_middleware.CspMiddleware",
    "portal.page_middleware.SessionMiddleware",
    "portal.middleware.LanguageOfAddressMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "portal.page_middleware.AuthenticationMiddleware",
    "portal.middleware.BoundsMiddleware",
    "portal.page_middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "portal.page_middleware.HtmxMiddleware",
    "portal.middleware.RefusalMiddleware",
    "axes.middleware.AxesMiddleware",
]

# Wrong passwords are counted for name and address together, before a password is looked at.
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AXES_FAILURE_LIMIT = 5
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_CLIENT_IP_CALLABLE = "staff.sign_in.address_of"
AXES_LOCKOUT_CALLABLE = "staff.sign_in.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_ENABLE_ADMIN = False
AXES_DISABLE_ACCESS_LOG = True
# Logs hold no names.
AXES_VERBOSE = False
OTP_TOTP_ISSUER = "Hotel voucher portal"

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["portal.templatetags.words", "portal.templatetags.pieces"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

if "sqlite" in _database["ENGINE"]:
    _database["ENGINE"] = "portal.sqlite"
    # IMMEDIATE makes every atomic() take the write lock at its start: writers queue up
    # instead of failing with "database is locked" when two of them upgrade a read.
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=67108864"
        ),
    }
else:
    _database["ENGINE"] = "portal.postgresql"
    _database["OPTIONS"] = {
        # Prepared statements save the planning of the same few statements on every request.
        "prepare_threshold": 5,
        # A server that is gone without a word is given up after this, in seconds and milliseconds.
        "connect_timeout": 5,
        "keepalives_idle": 20,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
        **_database.get("OPTIONS", {}),
    }
_database["CONN_MAX_AGE"] = 600
_database["CONN_HEALTH_CHECKS"] = True
if DATABASE_POOL_SIZE and "postgresql" in _database["ENGINE"]:
    # The threads of a process share so many connections; a thread of its own would keep one for itself.
    _database["OPTIONS"]["pool"] = {
        "min_size": 1,
        "max_size": DATABASE_POOL_SIZE,
        "timeout": 5,
        # A pool that tries in vain waits ever longer. Given up soon, it tries again when it is asked.
        "reconnect_timeout": 2,
    }
    _database["CONN_MAX_AGE"] = 0
DATABASES = {"default": _database}
if _replica_url:
    _replica = cast("dict[str, Any]", dj_database_url.parse(_replica_url))
    if not all("postgresql" in named["ENGINE"] for named in (_replica, _database)):
        raise ImproperlyConfigured("DATABASE_REPLICA_URL: name a replica of the PostgreSQL in DATABASE_URL.")
    DATABASES["replica"] = {
        **_replica,
        "ENGINE": _database["ENGINE"],
        # One that is away is given up soon: the primary answers instead.
        "OPTIONS": {**_replica.get("OPTIONS", {}), "prepare_threshold": 5, "connect_timeout": 2},
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "TEST": {"MIRROR": "default"},
    }
    DATABASE_ROUTERS = ["portal.replica.ReplicaRouter"]
    MIDDLEWARE.insert(1, "portal.replica.ReplicaMiddleware")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# What receivers of webhooks answer, and how slowly, is theirs, and bulk work takes long: their
# jobs hold up no mail.
TASKS = {"default": {"BACKEND": "portal.jobs.DatabaseBackend", "QUEUES": ["default", "webhooks", "bulk"]}}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LANGUAGE_CODE = "en"
LOCALE_PATHS = [BASE_DIR / "locale"]
# A folder with translations is all that another language needs.
LANGUAGES = found_in(LOCALE_PATHS)
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

WHITENOISE_ALLOW_ALL_ORIGINS = False

for _name, _value in _email.items():
    if _name.startswith("EMAIL_"):
        globals()[_name] = _value
EMAIL_TIMEOUT = 15

# Cookies, transport and headers: strict, and only plain HTTP on loopback loosens them.
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = not PLAIN_HTTP
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = not PLAIN_HTTP
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = not PLAIN_HTTP
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
CSRF_FAILURE_VIEW = "portal.views.csrf_failure"
SECURE_SSL_REDIRECT = not PLAIN_HTTP
SECURE_HSTS_SECONDS = 0 if PLAIN_HTTP else 365 * 24 * 3600
# The portal speaks for its own host only: whether a hotel's other hosts have TLS is not known here.
SECURE_HSTS_INCLUDE_SUBDOMAINS = HSTS_INCLUDE_SUBDOMAINS
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
if BEHIND_TLS_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "manifest-src": ["'self'"],
        "worker-src": ["'self'"],
    },
}
# A booking form is a few hundred bytes; staff forms with many inline rows stay far below this.
DATA_UPLOAD_MAX_MEMORY_SIZE = 512 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
# Files of staff go beyond that; the form for them says how large they may be.
STAFF_UPLOAD_MAX_SIZE = 24 * 1024 * 1024

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"redact": {"()": "portal.logs.RedactSecrets"}},
    "formatters": {
        "plain": {
            "()": "portal.logs.UtcFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        },
        "json": {"()": "portal.logs.JsonFormatter"},
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["redact"]}
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        # Four lines for each sign-in that say nothing.
        "axes": {"level": max(LOG_LEVEL, logging.WARNING)},
    },
}

if SENTRY_DSN:
    # An extra, and slow to import: only where it is wanted.
    from portal.reporting import start_reporting

    start_reporting(SENTRY_DSN, SENTRY_ENVIRONMENT)
