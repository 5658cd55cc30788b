"""Both engines, each with the portal in front of it under gunicorn."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.engines import Engine
from tests.servers import ROOT, WAIT_SECONDS, Browser, Portal, environment, portal

# Without looking for garbage while it starts, as manage.py does.
_CLERK = """import gc; gc.set_threshold(20_000)
import django; django.setup()
from tests.races.clerk import main; main()"""


class Clerk:
    """The hotel's own process: see tests/races/clerk.py."""

    def __init__(self, database_url: str, **env: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CLERK],
            cwd=ROOT,
            env=environment(database_url, **env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, verb: str, **fields: Any) -> Any:
        """Let the clerk do something; returns what came of it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": verb, **fields}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the clerk's process ended at {verb}"
        return json.loads(line)

    def stop(self) -> None:
        """End the process."""
        self._process.communicate(timeout=WAIT_SECONDS)


def standing_clock(moment: datetime | None = None) -> dict[str, str]:
    """Return the environment of a server whose clock stands: see tests/races/standing.py."""
    stands_at = moment or datetime.now(UTC)
    return {
        "DJANGO_SETTINGS_MODULE": "tests.races.standing",
        "TEST_CLOCK_STANDS_AT": stands_at.isoformat(),
    }


@dataclass
class Hotel:
    """A hotel that is open: its portal, its guests and its clerk."""

    engine: Engine
    database_url: str
    portal: Portal
    clerk: Clerk
    # A day after tomorrow: whatever the hour of the test, all of its slots are to come.
    day: datetime = field(
        default_factory=lambda: datetime.combine(
            datetime.now(UTC).date() + timedelta(days=2), time(), tzinfo=UTC
        )
    )

    def slot(self, hour: int = 10) -> datetime:
        """Return the start of a slot of this day."""
        return self.day + timedelta(hours=hour)

    def offer(self, **fields: Any) -> Any:
        """Make an offer with vouchers: see clerk.seed."""
        return self.clerk.ask("seed", **fields)

    def strangers(self, number: int) -> list[Browser]:
        """Return browsers that the portal has not seen yet."""
        return [Browser(self.portal) for _number in range(number)]

    def guests(self, number: int) -> list[Browser]:
        """Return browsers of guests that have been here before."""
        cookies = self.clerk.ask("guests", number=number)
        return [Browser(self.portal, {"guest": cookie}) for cookie in cookies]


@pytest.fixture(scope="session", autouse=True)
def served(static_files: None) -> None:
    """Every portal here serves its own pages."""


@contextmanager
def opened(
    engine: Engine,
    database: str,
    log: Path,
    *,
    workers: int = 4,
    clock: dict[str, str] | None = None,
    **env: str,
) -> Iterator[Hotel]:
    """Open a hotel on a new database; `env` is for its web server, `clock` for its clerk as well."""
    database_url = engine.new_database(database)
    clock = clock or {}
    clerk = Clerk(database_url, **clock)
    try:
        with portal(database_url, log, workers=workers, **clock, **env) as server:
            yield Hotel(engine, database_url, server, clerk)
    finally:
        clerk.stop()


@pytest.fixture(scope="session")
def hotels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Engine], Hotel]]:
    """Return what opens one hotel on an engine, and keeps it open to the end."""
    known: dict[str, Hotel] = {}
    with ExitStack() as stack:

        def of(engine: Engine) -> Hotel:
            if engine.name not in known:
                log = tmp_path_factory.mktemp("log") / "gunicorn.log"
                known[engine.name] = stack.enter_context(opened(engine, "portal_races", log))
            return known[engine.name]

        yield of


@pytest.fixture(scope="session")
def hotel(engine: Engine, hotels: Callable[[Engine], Hotel]) -> Hotel:
    """One portal for all races of an engine: each has an offer of its own."""
    return hotels(engine)
