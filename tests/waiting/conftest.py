"""The clock of these tests: it stands at NOW."""

from collections.abc import Iterator

import pytest
import time_machine

from tests.make import NOW


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller
