"""Fixtures that every test may use."""

import os

os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "0" * 40)
os.environ.setdefault("PLAIN_HTTP", "1")
os.environ.setdefault("EMAIL_URL", "locmem:")
# Playwright's synchronous interface runs an event loop in the test's thread.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")

from datetime import UTC, datetime

import pytest


@pytest.fixture
def now() -> datetime:
    """A moment that tests reckon from: Monday 2 March 2026, 08:00 UTC."""
    return datetime(2026, 3, 2, 8, tzinfo=UTC)
