"""The way to Redis, where REDIS_URL names one: everything goes on without it while it is away."""

import logging
import threading
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
    """Since when Redis is away, as far as this process knows: said once, and asked again after a while."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since = 0.0
        self._asks_again_at = 0.0

    def lasts(self, now: float) -> bool:
        """Tell whether Redis is left alone at a moment of the monotonic clock."""
        return now < self._asks_again_at

    def note_failure(self, error: Exception) -> None:
        """Leave Redis alone for a while."""
        with self._lock:
            is_news, now = not self._since, time.monotonic()
            self._since, self._asks_again_at = self._since or now, now + _AWAY_SECONDS
        if is_news:
            logger.error("Redis is away, the database does its work: %s", type(error).__name__)

    def note_success(self, began: float) -> None:
        """Take Redis for back; an answer to what was asked before it went away tells nothing."""
        if not self._since:
            return
        with self._lock:
            is_news = 0 < self._since < began
            if is_news:
                self._since = self._asks_again_at = 0.0
        if is_news:
            logger.warning("Redis is back")


_outage = _Outage()


def ask_redis(work: Callable[[Any], Found]) -> Found | None:
    """Return what `work` does with a client; None without Redis, or while it is away."""
    began = time.monotonic()
    if not settings.REDIS_URL or _outage.lasts(began):
        return None
    import redis  # noqa: PLC0415 - an extra: needed only where REDIS_URL is set

    # Threads that come first at once make a client each: one that nobody holds closes its connections.
    client = _client()
    try:
        found = work(client)
    except redis.RedisError as error:
        _outage.note_failure(error)
        return None
    _outage.note_success(began)
    return found
