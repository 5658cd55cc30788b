"""Fixtures for tests of pages."""

from datetime import datetime

import pytest

from tests.make import NOW


@pytest.fixture
def slot() -> datetime:
    """The first slot of tomorrow that an offer of the tests has: 10:00 in Amsterdam."""
    return NOW.replace(day=3, hour=9)
