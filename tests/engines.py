"""The databases that the portal runs on, for the tests that serve it."""

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.once import made_once
from tests.servers import Cluster, manage, postgresql

EMPTY = "portal_empty"
# Where an empty database is made for all servers: migrating takes ten times as long as reading it.
_FIRST = "portal_first"


class Engine:
    """A database server, and new databases of the portal on it."""

    name: str

    def new_database(self, name: str) -> str:
        """Return the DATABASE_URL of a new, migrated, empty database."""
        raise NotImplementedError

    def bare_database(self, name: str) -> str:
        """Return the DATABASE_URL of a new database without any table."""
        raise NotImplementedError


def _migrated_on_sqlite(file: Path) -> None:
    manage(f"sqlite:///{file}", "migrate", "--verbosity=0")


class Sqlite(Engine):
    """A file for each database."""

    name = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._empty = made_once(f"{EMPTY}.sqlite3", _migrated_on_sqlite)

    def _url(self, name: str) -> str:
        return f"sqlite:///{self._folder / name}.sqlite3"

    def new_database(self, name: str) -> str:
        shutil.copy(self._empty, self._folder / f"{name}.sqlite3")
        return self._url(name)

    def bare_database(self, name: str) -> str:
        return self._url(name)


class Postgresql(Engine):
    """A throwaway cluster."""

    name = "postgresql"

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._create(EMPTY)
        cluster.load(made_once(f"{EMPTY}.sql", self._migrated), EMPTY)

    def _migrated(self, file: Path) -> None:
        self._create(_FIRST)
        manage(self.cluster.url(_FIRST), "migrate", "--verbosity=0")
        self.cluster.dump(_FIRST, file)

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


class Engines:
    """One server of each kind, started when it is asked for first and kept to the end."""

    names = ("sqlite", "postgresql")

    def __init__(self, folder: Path, programs: Callable[[], Path], stack: ExitStack) -> None:
        self._folder, self._programs, self._stack = folder, programs, stack
        self._started: dict[str, Engine] = {}

    def __getitem__(self, name: str) -> Engine:
        if name not in self._started:
            self._started[name] = self._start(name)
        return self._started[name]

    def _start(self, name: str) -> Engine:
        if name == "sqlite":
            return Sqlite(self._folder)
        return Postgresql(self._stack.enter_context(postgresql(self._programs())))
