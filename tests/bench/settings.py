"""The project's settings with a few more addresses: the bare views that the others are measured by."""

from portal.settings import *  # noqa: F403
from portal.settings import MIDDLEWARE

ROOT_URLCONF = "tests.bench.urls"
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
MIDDLEWARE = ["tests.bench.counting.CountingMiddleware", *MIDDLEWARE]
# Counted as ever, but one key and one guest ask more often than any does.
API_WRITES_PER_MINUTE = API_READS_PER_MINUTE = PRESENCE_PER_MINUTE = 10_000_000
MAILS_PER_ADDRESS_PER_HOUR = MAILS_PER_GUEST_PER_HOUR = HOLDS_PER_ADDRESS_PER_HOUR = 10_000_000
