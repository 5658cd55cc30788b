"""The way to Redis, where REDIS_URL names one: everything goes on without it while it is away."""

import logging
import time
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from django.conf import settings

logger = logging.getLogger(__name__)
Found = TypeVar("Found")
# Long enough for a busy machine: whoever gives up too early goes on in the database, from zero.
_TIMEOUT_SECONDS = 2
# How long a Redis that was away is left alone.
_AWAY_SECONDS = 60


@cache
def _client() -> Any:
    import redis  # noqa: PLC0415 - an extra: needed only where REDIS_URL is set

    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=_TIMEOUT_SECONDS,
        socket_connect_timeout=_TIMEOUT_SECONDS,
    )


class _Outage:
    """Whether Redis is away: said once, and asked again after a while."""

    until = 0.0


def ask_redis(work: Callable[[Any], Found]) -> Found | None:
    """Return what `work` does with a client; None without Redis, or while it is away."""
    if not settings.REDIS_URL or time.monotonic() < _Outage.until:
        return None
    import redis  # noqa: PLC0415 - an extra: needed only where REDIS_URL is set

    # Threads that come first at once make a client each: one that nobody holds closes its connections.
    client = _client()
    try:
        found = work(client)
    except redis.RedisError as error:
        is_news, _Outage.until = not _Outage.until, time.monotonic() + _AWAY_SECONDS
        if is_news:
            logger.error("Redis is away, the database does its work: %s", type(error).__name__)
        return None
    if _Outage.until:
        logger.warning("Redis is back")
        _Outage.until = 0.0
    return found
