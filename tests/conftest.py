"""Fixtures that every test may use."""

from datetime import UTC, datetime

import pytest


@pytest.fixture
def now() -> datetime:
    """A moment that tests reckon from: Monday 2 March 2026, 08:00 UTC."""
    return datetime(2026, 3, 2, 8, tzinfo=UTC)
