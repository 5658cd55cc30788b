"""Public ids: made by the server, sortable by time, unguessable."""

import re
import secrets
import threading
from datetime import datetime

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
# 36**12 is a little over 2**62: at least the 60 random bits that the product asks for.
_RANDOM_DIGITS = 12
_RANDOM_BOUND = 36**_RANDOM_DIGITS
ID_LENGTH = 40


def base36(number: int) -> str:
    """Return a non-negative number in lower-case base 36."""
    if number < 0:
        raise ValueError("base36 takes no negative number")
    digits = ""
    while True:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
        if not number:
            return digits


def new_id(prefix: str, now: datetime) -> str:
    """Return `<prefix>-<base-36 milliseconds>-<random>`."""
    return _id(prefix, _milliseconds(now), secrets.randbelow(_RANDOM_BOUND))


def id_since(prefix: str, moment: datetime) -> str:
    """Return what every id of this prefix is greater than that is made at a moment or later."""
    return f"{prefix}-{base36(_milliseconds(moment))}"


class RisingIds:
    """Ids of one prefix that rise in the order in which this process makes them, within a millisecond too.

    One of the same millisecond as the last follows it at a random distance: 50 bits of chance instead of 62.
    When the clock is set back by more than a second, the ids go back with it.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._lock = threading.Lock()
        self._last = (0, 0)

    def next(self, now: datetime) -> str:
        """Return an id of this moment, or of the last one's if that was later."""
        at = _milliseconds(now)
        with self._lock:
            last_at, last_random = self._last
            if not 0 <= last_at - at <= 1000:
                random = secrets.randbelow(_RANDOM_BOUND)
            else:
                at, random = last_at, last_random + 1 + secrets.randbelow(2**50)
                if random >= _RANDOM_BOUND:
                    at, random = last_at + 1, secrets.randbelow(2**50)
            self._last = at, random
        return _id(self._prefix, at, random)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _id(prefix: str, at: int, random: int) -> str:
    return f"{prefix}-{base36(at)}-{base36(random).rjust(_RANDOM_DIGITS, '0')}"


def is_id(text: str) -> bool:
    """Tell whether a text could be a public id; anything else need not reach the database."""
    return len(text) <= ID_LENGTH and re.fullmatch(r"[A-Za-z0-9_-]+", text) is not None
