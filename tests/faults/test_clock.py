"""A machine's clock that is set forwards and back while guests book."""

import time
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

import pytest

from tests.engines import Engine
from tests.faults.site import Fault, Outcome, Site, running

# In seconds.
_JUMPS = (3600, -3600, 90, -1, 7200, 0)
# The latest, after each: what was put off until a time that has gone back comes all the same.
_END = "7200"


@pytest.fixture
def clock(tmp_path: Path) -> Path:
    """Where the error of the processes' clock is written."""
    file = tmp_path / "clock"
    file.write_text("0")
    return file


@pytest.fixture
def site(engine: Engine, tmp_path: Path, clock: Path) -> Iterator[Site]:
    env = {"DJANGO_SETTINGS_MODULE": "tests.faults.jumping", "TEST_CLOCK_ERROR_FILE": str(clock)}
    with running(engine, "faults_clock", tmp_path, **env) as site:
        yield site


@pytest.mark.sample
def test_a_clock_that_jumps_loses_nothing(
    site: Site, clock: Path, survives: Callable[[str, Site, Fault], Outcome]
) -> None:
    jumps = cycle(_JUMPS)

    def jump(site: Site) -> float:
        clock.write_text(str(next(jumps)))
        jumped_at = time.monotonic()
        # So long it is wrong, and longer where nobody books meanwhile.
        time.sleep(1)
        site.wait_for_bookings(jumped_at, "bookings by a wrong clock")
        clock.write_text(_END)
        return jumped_at

    survives(f"{site.engine.name}: the clock set forwards and back", site, jump)
