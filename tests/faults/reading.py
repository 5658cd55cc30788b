"""Systems and guests that read lists without a pause, write nothing, and write down what they saw."""

import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.races.systems import System
from tests.servers import Browser

# What a list may be behind (portal.replica), for how long that is believed, and a busy machine's delay.
_MOST_BEHIND_SECONDS = 30 + 5 + 10
_PAUSE_SECONDS = 0.05
_LIST = "voucher/bookings?limit=100"


class Readers:
    """Two systems with keys of their own that have never written, and a guest who has never been here."""

    def __init__(self, systems: list[System], guest: Browser) -> None:
        self._stop = threading.Event()
        self._threads = [
            *(threading.Thread(target=self._go_on, args=(self._read, system)) for system in systems),
            threading.Thread(target=self._go_on, args=(self._look, guest)),
        ]
        # The newest booking of each list, and when it was asked for.
        self.newest: list[tuple[float, str]] = []
        self.seen: set[str] = set()
        self.answers: Counter[str] = Counter()

    def __enter__(self) -> "Readers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _go_on(self, ask: Callable[[Any], None], who: System | Browser) -> None:
        while not self._stop.is_set():
            try:
                ask(who)
            except (OSError, http.client.HTTPException) as error:
                self.answers[type(error).__name__] += 1
            time.sleep(_PAUSE_SECONDS)

    def _read(self, system: System) -> None:
        asked_at = time.monotonic()
        reply = system.get(_LIST)
        self.answers[f"list {reply.status}"] += 1
        if reply.status == 200:
            ids = [booking["id"] for booking in reply.content["items"]]
            self.newest.append((asked_at, max(ids, default="")))
            self.seen.update(ids)

    def _look(self, guest: Browser) -> None:
        self.answers[f"page {guest.get('/').status}"] += 1

    def wrong(self, acknowledged: dict[str, float], stored: set[str]) -> list[str]:
        """Return what a list showed that never was, and lists that showed what was long past."""
        wrong = [f"{booking} was shown, and is not stored" for booking in self.seen - stored]
        for asked_at, newest in self.newest:
            due = [key for key, at in acknowledged.items() if at < asked_at - _MOST_BEHIND_SECONDS]
            if due and newest < max(due):
                wrong.append(f"a list ended at {newest}, long after {max(due)}")
        return wrong
