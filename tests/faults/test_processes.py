"""Processes that are killed at any moment: web workers, their master, the worker."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from django.db.backends.sqlite3._functions import register

from tests.engines import Engine
from tests.faults.site import Fault, Outcome, Site, running
from tests.patience import until

Survives = Callable[[str, Site, Fault], Outcome]


@pytest.fixture
def site(engine: Engine, tmp_path: Path) -> Iterator[Site]:
    name = f"faults_{tmp_path.name.replace('-', '_')}"
    with running(engine, name[:60], tmp_path) as site:
        yield site


def test_a_web_worker_that_is_killed_loses_nothing(site: Site, survives: Survives) -> None:
    def kill(site: Site) -> float:
        site.portal.kill_a_worker()
        return time.monotonic()

    survives(f"{site.engine.name}: a web worker killed", site, kill)


@pytest.mark.sample
def test_all_web_workers_killed_in_the_middle_of_a_commit_lose_nothing(
    site: Site, survives: Survives
) -> None:
    def kill_all(site: Site) -> float:
        # At the clients' pace one of them is always writing.
        for pid in site.portal.workers():
            os.kill(pid, signal.SIGKILL)
        killed_at = time.monotonic()
        if site.database_url.startswith("sqlite"):
            with closing(sqlite3.connect(site.database_url.removeprefix("sqlite:///"))) as database:
                # Constraints call functions that Django adds.
                register(database)
                assert database.execute("PRAGMA quick_check").fetchall() == [("ok",)]
        return killed_at

    survives(f"{site.engine.name}: all web workers killed", site, kill_all)


def test_a_master_that_is_killed_and_started_again_loses_nothing(site: Site, survives: Survives) -> None:
    with ExitStack() as stack:

        def kill(site: Site) -> float:
            workers = site.portal.workers()
            site.portal.kill_master()
            killed_at = time.monotonic()
            # They see that they are orphans, and give the port free.
            until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), what="the orphans' end")
            site.start_again(stack)
            return killed_at

        survives(f"{site.engine.name}: the web master killed", site, kill)


def test_a_worker_that_is_killed_loses_no_mail_and_no_webhook(site: Site, survives: Survives) -> None:
    def kill(site: Site) -> float:
        site.workers.kill_one()
        site.workers.start()
        return time.monotonic()

    survives(f"{site.engine.name}: the worker killed", site, kill)
