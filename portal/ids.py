"""Public ids: made by the server, sortable by time, unguessable."""

import re
import secrets
from datetime import datetime

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
# 36**12 is a little over 2**62: at least the 60 random bits that the product asks for.
_RANDOM_DIGITS = 12
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
    random = base36(secrets.randbelow(36**_RANDOM_DIGITS)).rjust(_RANDOM_DIGITS, "0")
    return f"{id_since(prefix, now)}-{random}"


def id_since(prefix: str, moment: datetime) -> str:
    """Return what every id of this prefix is greater than that is made at a moment or later."""
    return f"{prefix}-{base36(int(moment.timestamp() * 1000))}"


def is_id(text: str) -> bool:
    """Tell whether a text could be a public id; anything else need not reach the database."""
    return len(text) <= ID_LENGTH and re.fullmatch(r"[A-Za-z0-9_-]+", text) is not None
