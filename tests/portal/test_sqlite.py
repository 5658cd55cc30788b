"""The queue of those who want to write to SQLite."""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from portal.sqlite import base
from portal.sqlite.base import DatabaseWrapper
from portal.sqlite.upkeep import learn_statistics
from tests.make import make_voucher
from tests.patience import until

pytestmark = pytest.mark.django_db


@pytest.fixture
def links(tmp_path: Path) -> Iterator[Any]:
    """Make connections to one file, each as a thread or a process of its own has one."""
    made = []
    settings = {
        **connection.settings_dict,
        "ENGINE": "portal.sqlite",
        "NAME": tmp_path / "some.sqlite3",
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 60},
        "AUTOCOMMIT": True,
        "TIME_ZONE": None,
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": False,
    }

    def link() -> DatabaseWrapper:
        made.append(DatabaseWrapper(settings, alias="aside"))
        made[-1].inc_thread_sharing()
        return made[-1]

    yield link
    for each in made:
        each.close()


def begin(link: DatabaseWrapper) -> None:
    link.ensure_connection()
    link.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)


def end(link: DatabaseWrapper) -> None:
    link.commit()
    link.set_autocommit(True)


def sync_of(link: DatabaseWrapper) -> int:
    return int(link.connection.execute("PRAGMA synchronous").fetchone()[0])


def test_whoever_waits_for_another_process_looks_again_soon_and_goes_on_when_it_has_ended(
    links: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = os.open(tmp_path / "some.sqlite3-queue", os.O_RDWR | os.O_CREAT)
    fcntl.flock(other, fcntl.LOCK_EX)
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            fcntl.flock(other, fcntl.LOCK_UN)

    monkeypatch.setattr(time, "sleep", sleep)
    link = links()
    begin(link)
    assert waited == [0.0005] * 3
    with pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    end(link)
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)


class TellingLock:
    """A lock that tells when somebody has come to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.comers: list[str] = []
        self.release = self._lock.release

    def acquire(self, timeout: float) -> bool:
        self.comers.append(threading.current_thread().name)
        return self._lock.acquire(timeout=timeout)


def test_threads_of_one_process_come_one_after_the_other(
    links: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lock = TellingLock()
    monkeypatch.setattr(base, "_of_process", {f"{tmp_path / 'some.sqlite3'}-queue": lock})
    first, second = links(), links()
    begin(first)
    had: list[str] = []

    def take_turn() -> None:
        begin(second)
        had.append("second")
        end(second)

    waiting = threading.Thread(target=take_turn, name="waiting")
    waiting.start()
    until(lambda: "waiting" in lock.comers, what="the second thread at the lock")
    had.append("first")
    end(first)
    waiting.join()
    assert had == ["first", "second"]


def test_a_turn_ends_with_a_rollback_and_with_the_connection(links: Any) -> None:
    first, second = links(), links()
    begin(first)
    first.rollback()
    first.set_autocommit(True)
    begin(second)
    second.close()
    begin(first)
    end(first)


def test_who_waits_too_long_is_refused_by_sqlite_and_holds_nothing(links: Any) -> None:
    first, second = links(), links()
    first.settings_dict["OPTIONS"]["timeout"] = 0.2
    begin(first)
    with pytest.raises(OperationalError, match="locked"):
        begin(second)
    second.close()
    end(first)
    begin(second)
    end(second)


def test_where_no_file_can_be_made_there_is_no_queue_and_all_goes_on(
    links: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: Any) -> int:
        raise PermissionError

    link = links()
    monkeypatch.setattr(os, "open", refuse)
    begin(link)
    end(link)
    begin(link)
    end(link)


def test_what_need_not_last_is_written_without_waiting_for_the_disk_and_nothing_else_is(links: Any) -> None:
    link = links()
    link.ensure_connection()
    link.connection.execute("PRAGMA synchronous = FULL")
    with link.queued(lasting=False):
        assert sync_of(link) == 1
    assert sync_of(link) == 2
    with pytest.raises(ZeroDivisionError), link.queued(lasting=False):
        raise ZeroDivisionError
    assert sync_of(link) == 2
    with link.queued():
        assert sync_of(link) == 2


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL looks by itself")
def test_sqlite_learns_how_its_rows_are_spread() -> None:
    make_voucher()
    learn_statistics()
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM sqlite_stat1 WHERE tbl = 'vouchers_voucher'")
        assert cursor.fetchone()[0] > 3


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite has a queue")
def test_within_a_transaction_its_turn_is_had_already() -> None:
    with transaction.atomic(), connection.queued(lasting=False):  # type: ignore[attr-defined]
        pass
    assert sync_of(connection) == 2  # type: ignore[arg-type]
