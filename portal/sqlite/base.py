"""The database backend that settings name for SQLite."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.sqlite3 import base

try:
    import fcntl
except ImportError:  # pragma: no cover - elsewhere than on Unix
    fcntl = None  # type: ignore[assignment]

_LOOK_AGAIN_SECONDS = 0.0005
# Of the threads of a process, one looks whether other processes write.
_of_process: dict[str, threading.Lock] = {}


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose transactions wait in a queue for their turn to write.

    SQLite has one writer at a time, and lets the others sleep for ever longer while they wait: with
    eight at once, the lock is free most of the time. Here those who are next look twice in a
    millisecond. It is a courtesy, not a guard: who does not queue, or cannot, waits as SQLite has it.
    """

    _queued: Any = None
    _place: Any = None

    @contextmanager
    def queued(self, *, lasting: bool = True) -> Iterator[None]:
        """Hold the turn for a statement of its own; does nothing within a transaction, which has it.

        What need not be `lasting` is not waited for until it lies on the disk: a power cut may take it,
        and nothing else.
        """
        if self.in_atomic_block:
            yield
            return
        self.ensure_connection()
        self._take_turn()
        try:
            if not lasting:
                self.connection.execute("PRAGMA synchronous = NORMAL")
            yield
        finally:
            if not lasting:
                self.connection.execute("PRAGMA synchronous = FULL")
            self._end_turn()

    def _start_transaction_under_autocommit(self) -> None:
        self._take_turn()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # not in the stubs
        except BaseException:
            self._end_turn()
            raise

    def _commit(self) -> None:
        try:
            super()._commit()  # type: ignore[misc]  # not in the stubs
        finally:
            self._end_turn()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]  # not in the stubs
        finally:
            self._end_turn()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]  # not in the stubs
        finally:
            self._end_turn()

    def _take_turn(self) -> None:
        """Wait for the turn, for as long as SQLite would; then it is SQLite's to refuse."""
        path = f"{self.settings_dict['NAME']}-queue"
        if fcntl is None or self._place is not None or self.is_in_memory_db() or path.startswith("file:"):
            return
        until = time.monotonic() + self.settings_dict["OPTIONS"].get("timeout", 5)
        mine = _of_process.setdefault(path, threading.Lock())
        if not mine.acquire(timeout=max(until - time.monotonic(), 0)):
            return
        self._place = mine
        if self._queued is None:
            try:
                self._queued = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError:
                # A folder that nothing can be made in: then only the threads of this process queue.
                return
        while time.monotonic() < until:
            try:
                fcntl.flock(self._queued, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_LOOK_AGAIN_SECONDS)
            else:
                return

    def _end_turn(self) -> None:
        if self._place is None:
            return
        if self._queued is not None:
            fcntl.flock(self._queued, fcntl.LOCK_UN)
        place, self._place = self._place, None
        place.release()
