"""The project's settings with one more address: the bare view that the others are measured by."""

from portal.settings import *  # noqa: F403

ROOT_URLCONF = "tests.bench.urls"
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
