"""Systems that book without a pause, and write down what they were told."""

import http.client
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from bookings.slot_ids import slot_id
from tests.races.systems import Reply, System

CLIENTS = 4
# How often a client that was told to come later, or nothing at all, comes again.
_AGAIN_SECONDS = 0.1
_PAUSE_SECONDS = 0.02
# One more is asked for at each time than there are places.
PLACES = 3
# What a client is answered while a part of the portal is away, or its first try is still at work.
_LATER = (409, 503)
# What a proxy says of a machine that died in mid-request, or of all machines.
_OF_PROXY = (502, 504)


class Load:
    """Clients that book one voucher after the other; each goes on with the same key until it is answered."""

    def __init__(self, system: Callable[[], System], vouchers: Sequence[str], begin: datetime) -> None:
        self._system = system
        self._vouchers = list(vouchers)
        self._begin = begin
        self._next = iter(range(len(self._vouchers)))
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        # What was acknowledged: the booking's id, and when.
        self.acknowledged: dict[str, float] = {}
        self.refused: Counter[str] = Counter()
        # Why they had to ask again: a code, or what happened to the connection.
        self.later: Counter[str] = Counter()
        # What no client should ever be answered.
        self.wrong: list[str] = []

    def __enter__(self) -> "Load":
        self._threads = [threading.Thread(target=self._client) for _number in range(CLIENTS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def acknowledged_since(self, moment: float) -> int:
        """Return how many bookings were acknowledged after a moment of the monotonic clock."""
        return sum(at > moment for at in list(self.acknowledged.values()))

    def answers(self) -> tuple[int, int, int]:
        """Return what grows as long as anything happens."""
        return len(self.acknowledged), sum(list(self.refused.values())), sum(list(self.later.values()))

    def first_after(self, moment: float) -> float:
        """Return when the first booking after a moment was acknowledged."""
        return min(at for at in list(self.acknowledged.values()) if at > moment)

    def longest_silence(self, since: float, until: float) -> float:
        """Return the most seconds between two moments in which nothing was acknowledged."""
        times = sorted(at for at in list(self.acknowledged.values()) if since <= at <= until)
        return max(after - before for before, after in zip([since, *times], [*times, until], strict=True))

    def _client(self) -> None:
        system = self._system()
        while not self._stop.is_set():
            with self._lock:
                number = next(self._next, None)
            if number is None:
                # Whoever waits for bookings waits in vain then.
                return
            self._book(system, number)
            time.sleep(_PAUSE_SECONDS)

    def _book(self, system: System, number: int) -> None:
        start = self._begin + timedelta(hours=number // (PLACES + 1))
        body = {
            "voucher_id": self._vouchers[number],
            "slot_id": slot_id(start),
            "holder_uid": f"thinker-{number:012x}",
            "name": "Ann",
            "email": f"guest-{number}@guest.example",
        }
        key = str(uuid.uuid4())
        while not self._stop.is_set():
            try:
                reply = system.post("voucher/book", body, Idempotency_Key=key)
                if self._is_answer(reply):
                    return
            except (OSError, http.client.HTTPException) as error:
                self.later[type(error).__name__] += 1
            time.sleep(_AGAIN_SECONDS)

    def _is_answer(self, reply: Reply) -> bool:
        """Note what a client was answered; False when it is to come again."""
        if reply.status in _OF_PROXY and b"nginx" in reply.body:
            self.later[str(reply.status)] += 1
            return False
        try:
            content: Any = reply.content
        except ValueError:
            self.wrong.append(f"{reply.status} {reply.body[:200]!r}")
            return True
        if reply.status == 200:
            self.acknowledged[content["booking"]["id"]] = time.monotonic()
        elif content["code"] == "slot_taken":
            self.refused["slot_taken"] += 1
        elif reply.status in _LATER and "retry-after" in reply.headers:
            self.later[content["code"]] += 1
            return False
        else:
            self.wrong.append(f"{reply.status} {content}")
        return True
