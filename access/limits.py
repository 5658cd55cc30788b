"""How often a key and an address may ask: counted across all workers and machines.

A window is a minute of the clock. Each request adds one to its subjects' counters and is told
what they are by the same statement, so that any number of processes together let through
exactly the quota: in the database, or in Redis where REDIS_URL names one.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext_lazy as _

from portal.errors import TooMany

logger = logging.getLogger(__name__)
WINDOW_SECONDS = 60
# Long enough for a busy machine: whoever gives up too early counts in the database, from zero.
_REDIS_TIMEOUT_SECONDS = 2

_COUNT = """
INSERT INTO access_usage (subject, minute, used) VALUES {rows}
ON CONFLICT (subject) DO UPDATE SET
    used = CASE WHEN access_usage.minute >= excluded.minute THEN access_usage.used + 1 ELSE 1 END,
    minute = CASE WHEN access_usage.minute >= excluded.minute
        THEN access_usage.minute ELSE excluded.minute END
RETURNING used
"""


class Kind(StrEnum):
    """What a request does; reads and writes are counted apart."""

    READ = "read"
    WRITE = "write"


def quota_of(kind: Kind) -> int:
    """Return how many requests of a kind a subject has in a minute."""
    return settings.API_WRITES_PER_MINUTE if kind == Kind.WRITE else settings.API_READS_PER_MINUTE


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a minute, by the counter that is used most."""

    kind: Kind
    used: int
    reset_seconds: int

    @property
    def headers(self) -> dict[str, str]:
        """The fields of draft-ietf-httpapi-ratelimit-headers-10."""
        quota = quota_of(self.kind)
        left = max(quota - self.used, 0)
        return {
            "RateLimit-Policy": f'"{self.kind}";q={quota};w={WINDOW_SECONDS}',
            "RateLimit": f'"{self.kind}";r={left};t={self.reset_seconds}',
        }

    @property
    def is_exceeded(self) -> bool:
        """True for the first request too many, and those after it."""
        return self.used > quota_of(self.kind)

    def refusal(self) -> TooMany:
        """Return what a request too many is answered."""
        return TooMany(
            "limit_reached",
            _("Too many requests. Try again in %(seconds)s seconds."),
            seconds=self.reset_seconds,
        )


def spend(subjects: Sequence[str], kind: Kind, now: datetime) -> Allowance:
    """Count a request of some subjects (a key, an address) and return what is left."""
    minute, second = divmod(int(now.timestamp()), WINDOW_SECONDS)
    # One order for all: two requests that count the same rows never wait for each other in a circle.
    names = sorted(f"{subject}:{kind}" for subject in subjects)
    used = _in_redis(names, minute) if settings.REDIS_URL else None
    return Allowance(kind, max(used or _in_database(names, minute)), WINDOW_SECONDS - second)


def _in_database(names: Sequence[str], minute: int) -> list[int]:
    values = [value for name in names for value in (name, minute, 1)]
    rows = ", ".join(["(%s, %s, %s)"] * len(names))
    with connection.cursor() as cursor:
        cursor.execute(_COUNT.format(rows=rows), values)
        return [int(used) for (used,) in cursor.fetchall()]


@cache
def _redis() -> Any:
    import redis  # noqa: PLC0415 - an extra: needed only where REDIS_URL is set

    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=_REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=_REDIS_TIMEOUT_SECONDS,
    )


class _Outage:
    """Whether Redis is away: said once, and asked again after a while."""

    until = 0


def _in_redis(names: Sequence[str], minute: int) -> list[int] | None:
    """Count in Redis; None while it is away, and the database counts instead."""
    import redis  # noqa: PLC0415 - an extra: needed only where REDIS_URL is set

    if minute < _Outage.until:
        return None
    # Threads that come first at once make a client each: one that nobody holds closes its connections.
    client = _redis()
    try:
        with client.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.incr(f"portal:usage:{name}:{minute}")
                pipe.expire(f"portal:usage:{name}:{minute}", 2 * WINDOW_SECONDS)
            answers = pipe.execute()
    except redis.RedisError as error:
        is_news, _Outage.until = not _Outage.until, minute + 1
        if is_news:
            logger.error("Redis is away, the database counts: %s", type(error).__name__)
        return None
    if _Outage.until:
        logger.warning("Redis is back")
        _Outage.until = 0
    return [int(used) for used in answers[::2]]
