"""Fixtures for tests of pages."""

from collections.abc import Iterator
from datetime import datetime

import pytest
import time_machine

from tests.make import NOW


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """Time stands still at the moment that tests reckon from."""
    with time_machine.travel(NOW, tick=False) as coordinates:
        yield coordinates


@pytest.fixture
def slot() -> datetime:
    """The first slot of tomorrow that an offer of the tests has: 10:00 in Amsterdam."""
    return NOW.replace(day=3, hour=9)
