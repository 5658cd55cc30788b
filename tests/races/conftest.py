"""Both engines, each with the portal in front of it under gunicorn."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.requirements import skip_or_fail
from tests.servers import (
    ROOT,
    Browser,
    Cluster,
    Portal,
    environment,
    manage,
    portal,
    postgresql,
    postgresql_binaries,
)

EMPTY = "portal_empty"
_CLERK = "import django; django.setup(); from tests.races.clerk import main; main()"


class Engine:
    """A database server, and new databases of the portal on it."""

    name: str

    def new_database(self, name: str) -> str:
        """Return the DATABASE_URL of a new, migrated, empty database."""
        raise NotImplementedError

    def bare_database(self, name: str) -> str:
        """Return the DATABASE_URL of a new database without any table."""
        raise NotImplementedError


class Sqlite(Engine):
    """A file for each database."""

    name = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        manage(self._url(EMPTY), "migrate", "--verbosity=0")

    def _url(self, name: str) -> str:
        return f"sqlite:///{self._folder / name}.sqlite3"

    def new_database(self, name: str) -> str:
        shutil.copy(self._folder / f"{EMPTY}.sqlite3", self._folder / f"{name}.sqlite3")
        return self._url(name)

    def bare_database(self, name: str) -> str:
        return self._url(name)


class Postgresql(Engine):
    """A throwaway cluster."""

    name = "postgresql"

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._create(EMPTY)
        manage(cluster.url(EMPTY), "migrate", "--verbosity=0")

    def _create(self, name: str, template: str = "template1") -> None:
        import psycopg

        with psycopg.connect(self.cluster.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")

    def new_database(self, name: str) -> str:
        self._create(name, EMPTY)
        return self.cluster.url(name)

    def bare_database(self, name: str) -> str:
        self._create(name)
        return self.cluster.url(name)


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
        self._process.communicate(timeout=20)


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


@pytest.fixture(scope="session")
def postgresql_folder() -> Path:
    """Where PostgreSQL's programs are."""
    try:
        import psycopg  # noqa: F401
    except ImportError:
        skip_or_fail("psycopg is not installed (the extra `postgres`)")
    found = postgresql_binaries()
    if found is None:
        skip_or_fail("PostgreSQL is not installed (no initdb and pg_ctl found)")
    return found


@pytest.fixture(scope="session", autouse=True)
def served(static_files: None) -> None:
    """Every portal here serves its own pages."""


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    if request.param == "sqlite":
        yield Sqlite(tmp_path_factory.mktemp("sqlite"))
        return
    with postgresql(request.getfixturevalue("postgresql_folder")) as cluster:
        yield Postgresql(cluster)


@contextmanager
def opened(engine: Engine, database: str, log: Path, *, workers: int = 4, **env: str) -> Iterator[Hotel]:
    """Open a hotel on a new database; `env` is for its web server."""
    database_url = engine.new_database(database)
    clerk = Clerk(database_url)
    try:
        with portal(database_url, log, workers=workers, **env) as server:
            yield Hotel(engine, database_url, server, clerk)
    finally:
        clerk.stop()


@pytest.fixture(scope="session")
def hotel(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hotel]:
    """One portal for all races of an engine: each has an offer of its own."""
    with opened(engine, "portal_races", tmp_path_factory.mktemp("log") / "gunicorn.log") as hotel:
        yield hotel
