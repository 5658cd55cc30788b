"""Fixtures that every test may use."""

from datetime import UTC, datetime

import pytest
from django.core.management import call_command


@pytest.fixture(scope="session", autouse=True)
def translations() -> None:
    """German and Dutch, compiled where that has not been done since they were written."""
    call_command("compile_translations")


@pytest.fixture
def now() -> datetime:
    """A moment that tests reckon from: Monday 2 March 2026, 08:00 UTC."""
    return datetime(2026, 3, 2, 8, tzinfo=UTC)
