"""The one clock of the journeys: servers, browsers and tests begin at the same instant, and then it ticks."""

import os
import time
from datetime import UTC, datetime, timedelta
from functools import cache

from tests.once import made_once
from tests.requirements import IS_SOAK

# A Wednesday in the middle of a month of 30 days; no hotel of the demo changes its clocks for months.
_USUAL = "2026-06-17T10:00:00+00:00"
# Settings that set the clock of a process.
SETTINGS = "tests.journeys.clock_settings"


def _begin() -> datetime:
    """Return the instant at which the journeys begin; `make soak` tries whatever hour it is."""
    if told := os.environ.get("JOURNEYS_AT"):
        return datetime.fromisoformat(told)
    return datetime.now(UTC) if IS_SOAK else datetime.fromisoformat(_USUAL)


@cache
def ahead() -> float:
    """Return how many seconds the journeys' clock is ahead of the machine's, in all processes alike."""
    place = made_once("clock", lambda file: file.write_text(repr(_begin().timestamp() - time.time())))  # noqa: TID251
    return float(place.read_text())


def now() -> datetime:
    """Return what the journeys' clock shows."""
    return datetime.now(UTC) + timedelta(seconds=ahead())


def clocked(settings: str = SETTINGS) -> dict[str, str]:
    """Return the environment of a process whose clock is the journeys'."""
    return {"DJANGO_SETTINGS_MODULE": settings, "JOURNEYS_AHEAD_SECONDS": repr(ahead())}
