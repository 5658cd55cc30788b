"""Reading lists and figures from a replica, where DATABASE_REPLICA_URL names one; never a decision.

A replica is a moment behind. So that nobody misses what they have just done, whoever wrote within
the last minute reads from the primary; and so that nobody else sees what is long past, a replica
that is half a minute behind is not asked. While it is away, the primary answers.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, Final, TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connections
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

logger = logging.getLogger(__name__)
Found = TypeVar("Found")
Handler = Callable[[HttpRequest], HttpResponse]

ALIAS: Final = "replica"
# Longer than a replica may be behind.
WROTE_SECONDS: Final = 60
_MOST_BEHIND = timedelta(seconds=30)
_ASK_AGAIN_SECONDS: Final = 5
_AWAY_SECONDS: Final = 30
_COOKIE: Final = "wrote"
# Workers show their life every ten seconds on the primary: what of it has come tells how far behind it is.
_NEWEST_BEAT: Final = "SELECT MAX(at) FROM operations_workerbeat"

_may_read: ContextVar[bool] = ContextVar("may_read_replica", default=False)
_is_reading: ContextVar[bool] = ContextVar("is_reading_replica", default=False)


class _BehindError(Exception):
    """The replica answers, with what is long past."""


class _State:
    """What this process knows of the replica; its outages are said once, whoever else was just asking."""

    lock = threading.Lock()
    # When it went away, and until when it is left alone, by the monotonic clock; 0 while it is there.
    away_since = 0.0
    away_until = 0.0
    fresh_until = 0.0

    @classmethod
    def note_failure(cls, error: Exception) -> None:
        """Leave the replica alone for a while."""
        with cls.lock:
            is_news, now = not cls.away_since, time.monotonic()
            cls.away_since, cls.away_until = cls.away_since or now, now + _AWAY_SECONDS
            cls.fresh_until = 0.0
        if is_news:
            logger.error("The replica is not asked for a while: %s", type(error).__name__)

    @classmethod
    def note_success(cls, began: float) -> None:
        """Take the replica for back; an answer to what was asked before it went away tells nothing."""
        if not cls.away_since:
            return
        with cls.lock:
            is_news = 0 < cls.away_since < began
            if is_news:
                cls.away_since = cls.away_until = 0.0
        if is_news:
            logger.warning("The replica is asked again")


def is_there() -> bool:
    """Tell whether the settings name a replica."""
    return ALIAS in settings.DATABASES


def allow(*, is_allowed: bool) -> None:
    """Say whether the request that is at work may read what is a moment old."""
    _may_read.set(is_allowed)


def from_replica(read: Callable[[], Found]) -> Found:
    """Return what `read` finds in the replica, or in the primary when it cannot, or may not, be asked.

    `read` changes nothing, and gives back rows, not queries that are still to be asked.
    """
    began = time.monotonic()
    if not is_there() or not _may_read.get() or began < _State.away_until:
        return read()
    token = _is_reading.set(True)
    try:
        _refuse_what_is_behind()
        found = read()
    except (OperationalError, InterfaceError, _BehindError) as error:
        connections[ALIAS].close()
        _State.note_failure(error)
    else:
        _State.note_success(began)
        return found
    finally:
        _is_reading.reset(token)
    return read()


def _refuse_what_is_behind() -> None:
    if time.monotonic() < _State.fresh_until:
        return
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(_NEWEST_BEAT)
        (beat,) = cursor.fetchone()
    if beat is None or timezone.now() - beat > _MOST_BEHIND:
        raise _BehindError
    _State.fresh_until = time.monotonic() + _ASK_AGAIN_SECONDS


class ReplicaRouter:
    """Sends what `from_replica` reads to the replica, and everything else to the primary."""

    def db_for_read(self, _model: Any, **_hints: Any) -> str:
        """Return where to read: a row that came from the replica is no reason to ask it for more."""
        return ALIAS if _is_reading.get() else "default"

    def db_for_write(self, _model: Any, **_hints: Any) -> str:
        """Return where to write."""
        return "default"

    def allow_relation(self, *_objects: Any, **_hints: Any) -> bool:
        """Let rows of both refer to each other: they are of one database."""
        return True

    def allow_migrate(self, alias: str, *_arguments: Any, **_hints: Any) -> bool | None:
        """Let nothing be migrated in the replica."""
        return False if alias == ALIAS else None


class ReplicaMiddleware:
    """Lets browsers that have not written lately read lists that are a moment old."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Note a browser's writing in a cookie of a minute; systems are known by their keys instead."""
        is_api = request.path_info.startswith(("/api/", "/legacy/api/"))
        is_safe = request.method in ("GET", "HEAD")
        allow(is_allowed=is_safe and not is_api and _COOKIE not in request.COOKIES)
        response = self.get_response(request)
        if not is_safe and not is_api:
            response.set_cookie(
                _COOKIE,
                "1",
                max_age=WROTE_SECONDS,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response
