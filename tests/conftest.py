"""Fixtures that every test may use."""

import gc
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import hypothesis
import pytest
import time_machine
from django.core.management import call_command

from tests.engines import Engine, Engines
from tests.make import NOW
from tests.once import made_once, share_a_folder
from tests.requirements import IS_SOAK, skip_or_fail
from tests.servers import manage, postgresql_binaries

pytest_plugins = ["tests.verdicts"]

TESTS = Path(__file__).parent
_KINDS = {"races": "system", "journeys": "system", "faults": "system", "machine": "soak"}

# What is tried by chance is the same in every run of the gate, and new in each of `make soak`.
hypothesis.settings.register_profile("gate", derandomize=True, database=None, deadline=None)
hypothesis.settings.register_profile("soak", deadline=None, print_blob=True)
hypothesis.settings.load_profile("soak" if IS_SOAK else "gate")


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder of what all processes need; those that tests are shared out to are told of it."""
    if folder := share_a_folder():
        config.add_cleanup(partial(shutil.rmtree, folder, ignore_errors=True))


def pytest_xdist_auto_num_workers() -> int:
    """Share the tests out among one process more than there are processors: some wait for servers."""
    return len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1) + 1


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups, and pytest the marks, in hooks of the same name
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test with its kind, which its folder tells unless it says `soak` itself.

    A file of races or browsers is kept to one process of those that share the tests out: it brings servers,
    which its tests share. A fault has servers of its own.
    """
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        if item.get_closest_marker("soak") is None:
            item.add_marker(_KINDS.get(folder, "unit"))
        if getattr(item, "callspec", None) and item.callspec.params.get("engine") == "postgresql":
            item.add_marker("postgresql")
        if folder in ("races", "journeys"):
            item.add_marker(pytest.mark.xdist_group(f"{folder} {item.path.stem}"))


def pytest_collection_finish() -> None:
    """Collect less garbage: what is loaded now is never any, and looking at it is a tenth of all time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)


@pytest.fixture(scope="session", autouse=True)
def translations() -> None:
    """German and Dutch, compiled where that has not been done since they were written."""
    call_command("compile_translations")


@pytest.fixture(scope="session")
def static_files() -> Iterator[None]:
    """Collect the static files for all servers, once."""

    def collect(folder: Path) -> None:
        command = ("collectstatic", "--no-input", "--verbosity=0")
        manage("sqlite://:memory:", *command, STATIC_ROOT=str(folder))

    with patch.dict(os.environ, STATIC_ROOT=str(made_once("static", collect))):
        yield


@pytest.fixture
def now() -> datetime:
    """A moment that tests reckon from: Monday 2 March 2026, 08:00 UTC."""
    return NOW


@pytest.fixture(autouse=True)
def clock(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The wall clock of every unit test: it stands at `now` until the test moves it.

    Real processes have the machine's. What measures durations goes on everywhere.
    """
    if request.node.get_closest_marker("unit") is None:
        yield None
        return
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


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


@pytest.fixture(scope="session")
def engines(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """The databases of this process."""
    with ExitStack() as stack:
        programs = partial(request.getfixturevalue, "postgresql_folder")
        yield Engines(tmp_path_factory.mktemp("sqlite"), programs, stack)


@pytest.fixture(scope="session", params=Engines.names)
def engine(request: pytest.FixtureRequest, engines: Engines) -> Engine:
    """Try with each database."""
    return engines[request.param]
