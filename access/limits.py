"""How often a key and an address may ask: counted across all workers and machines.

A window is a minute of the clock, or an hour. Each request adds one to its subjects' counters and is told
what they are by the same statement, so that any number of processes together let through
exactly the quota: in the database, or in Redis where REDIS_URL names one.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import connection

from access.models import Usage
from portal.allowances import WINDOW_SECONDS, Allowance, window_of
from portal.ready import count
from portal.redis_link import ask_redis

_COUNT = """
INSERT INTO access_usage (subject, minute, used) VALUES {rows}
ON CONFLICT (subject) DO UPDATE SET
    used = CASE WHEN access_usage.minute >= excluded.minute THEN access_usage.used + 1 ELSE 1 END,
    minute = CASE WHEN access_usage.minute >= excluded.minute
        THEN access_usage.minute ELSE excluded.minute END
RETURNING used
"""


class Kind(StrEnum):
    """What a request does; each kind is counted apart."""

    READ = "read"
    WRITE = "write"
    # Asking to be let into a party: the one thing where a guess could be lucky.
    JOIN = "join"
    # Choosing a slot, which holds its place for a while; counted by the hour.
    HOLD = "hold"
    # Asking for a guest link by e-mail.
    LINK = "link"


_GUESSES_PER_MINUTE = 6


def quota_of(kind: Kind) -> int:
    """Return how many requests of a kind a subject has in a window."""
    if kind in (Kind.JOIN, Kind.LINK):
        return _GUESSES_PER_MINUTE
    if kind == Kind.HOLD:
        return settings.HOLDS_PER_ADDRESS_PER_HOUR
    return settings.API_WRITES_PER_MINUTE if kind == Kind.WRITE else settings.API_READS_PER_MINUTE


def spend(subjects: Sequence[str], kind: Kind, now: datetime) -> Allowance:
    """Count a request of some subjects (a key, an address) and return what is left."""
    minutes = 60 if kind == Kind.HOLD else 1
    minute, reset_seconds = window_of(now, minutes)
    # One order for all: two requests that count the same rows never wait for each other in a circle.
    names = sorted(f"{subject}:{kind}" for subject in subjects)
    used = ask_redis(lambda client: _in_redis(client, names, minute, minutes)) or _in_database(names, minute)
    return Allowance(kind, quota_of(kind), max(used), reset_seconds, minutes * WINDOW_SECONDS)


def has_written_lately(subject: str, now: datetime) -> bool:
    """Tell whether a subject has written in this minute of the clock or the one before it."""
    minute, _reset_seconds = window_of(now)
    name = f"{subject}:{Kind.WRITE}"
    keys = [f"portal:usage:{name}:{one}" for one in (minute - 1, minute)]
    # A tuple: None stands for a Redis that is away, and whose counts nobody knows.
    found = ask_redis(lambda client: (bool(client.exists(*keys)),)) or (bool(settings.REDIS_URL),)
    return found[0] or Usage.objects.filter(subject=name, minute__gte=minute - 1).exists()


def _in_database(names: Sequence[str], minute: int) -> list[int]:
    values = [value for name in names for value in (name, minute, 1)]
    rows = ", ".join(["(%s, %s, %s)"] * len(names))
    with count(connection) as cursor:
        cursor.execute(_COUNT.format(rows=rows), values)
        return [int(used) for (used,) in cursor.fetchall()]


def _in_redis(client: Any, names: Sequence[str], minute: int, minutes: int) -> list[int]:
    with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.incr(f"portal:usage:{name}:{minute}")
            pipe.expire(f"portal:usage:{name}:{minute}", 2 * minutes * WINDOW_SECONDS)
        answers = pipe.execute()
    return [int(used) for used in answers[::2]]
