"""Idempotency keys: a request that is sent again gets the answer that it was given.

The answer is written in the transaction of the change itself: there is no moment at which
one is stored without the other, whenever the process is killed. A twin that comes while the
first is at work waits at the unique key until that has committed, then reads its answer.
Draft: draft-ietf-httpapi-idempotency-key-header.
"""

import hashlib
import re
from collections.abc import Callable, Collection
from functools import wraps
from typing import Any

from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from access.domain import KEEP_ANSWERS
from access.models import GivenAnswer
from portal.answers import CONTENT_TYPE, refusal
from portal.callers import Caller
from portal.errors import Conflict, Malformed, NotAllowed, Rejected
from portal.ready import adapted, statement, update
from portal.transactions import taken_back_whole

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
_KEY = re.compile(r"[!-~]{1,255}")
_RESERVE = """
INSERT INTO access_givenanswer (key_id, idempotency_key, fingerprint, status, body, created_at)
VALUES (%s, %s, %s, 0, %s, %s) ON CONFLICT (key_id, idempotency_key) DO NOTHING RETURNING id
"""
# On PostgreSQL a twin waits for the first one's answer, five seconds at most; whoever has the key waits
# as ever again. (NULL sets back what the connection began with.)
_RESERVE_BRIEFLY = """
INSERT INTO access_givenanswer (key_id, idempotency_key, fingerprint, status, body, created_at)
SELECT %s, %s, %s, 0, %s, %s FROM set_config('lock_timeout', '5s', true)
ON CONFLICT (key_id, idempotency_key) DO NOTHING
RETURNING id, set_config('lock_timeout', NULL, true)
"""
_PATIENTLY = "SET LOCAL lock_timeout TO DEFAULT"
_REASON = re.compile(rb'("cancel_reason":)"(?:[^"\\\\]|\\\\.)*"')
_LOCK_NOT_AVAILABLE = "55P03"

View = Callable[..., HttpResponse]


def answered_once(view: View) -> View:
    """Give a POST with an idempotency key the answer that this key was given before, if any."""

    @wraps(view)
    def run(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        key = request.headers.get(HEADER)
        caller = getattr(request, "auth", None)
        # Keys belong to callers: whoever needs none has nobody that an answer could be kept for.
        if key is None or request.method != "POST" or not isinstance(caller, Caller):
            return view(request, *args, **kwargs)
        if not _KEY.fullmatch(key):
            raise Malformed("idempotency_key_invalid", _("Use 1 to 255 visible characters."))
        return _once(request, caller, key, lambda: view(request, *args, **kwargs))

    return run


def forget_reasons(booking_ids: Collection[str]) -> None:
    """Take out of the kept answers why these bookings were cancelled; all else of an answer stays."""
    named = [f'"id":"{key}"'.encode() for key in booking_ids]
    for given in GivenAnswer.objects.exclude(body=b"").iterator():
        body = bytes(given.body)
        if any(name in body for name in named):
            GivenAnswer.objects.filter(pk=given.pk).update(body=_REASON.sub(rb"\1null", body))


class _RefusedError(Exception):
    """A refusal by the state of things: an answer like any other."""

    def __init__(self, why: Rejected) -> None:
        super().__init__(why)
        self.why = why


def _once(request: HttpRequest, caller: Caller, key: str, act: Callable[[], HttpResponse]) -> HttpResponse:
    fingerprint = hashlib.sha256(f"{request.path_info}\n".encode() + request.body).hexdigest()
    try:
        return _kept(caller, key, fingerprint, lambda: _answer(act))
    except _RefusedError as error:
        # All of it was taken back, and so was the key. A twin that has waited for it may have it now: then
        # that one's answer is both's.
        why = error.why
        return _kept(caller, key, fingerprint, lambda: refusal(why))


def _kept(caller: Caller, key: str, fingerprint: str, act: Callable[[], HttpResponse]) -> HttpResponse:
    """Act and keep the answer, in one transaction; or return the answer that is kept already."""
    now = timezone.now()
    with taken_back_whole():
        row_id = _reserve([caller.key_id, key, fingerprint, b"", now])
        if row_id is None:
            answers = GivenAnswer.objects.select_for_update()
            given = answers.filter(key=caller.key_id, idempotency_key=key).first()
            if given is None:
                # It was a day old, and pruned between the two looks.
                raise _in_flight()
            if given.created_at > now - KEEP_ANSWERS:
                return _again(given, fingerprint)
            # It has been kept for its day, and only waits to be pruned.
            row_id = given.pk
            update(GivenAnswer, {"fingerprint": fingerprint, "created_at": now}, id=row_id)
        response = act()
        update(GivenAnswer, {"status": response.status_code, "body": response.content}, id=row_id)
    return response


def _reserve(values: list[Any]) -> int | None:
    """Take an idempotency key in the caller's transaction; returns its row, None when it was taken before.

    Raises Conflict("idempotency_key_in_flight") when its first request takes too long.
    """
    told = [adapted(connection, value) for value in values]
    # SQLite has one writer, and a timeout of its own for the others.
    is_brief = connection.vendor == "postgresql"
    try:
        with statement(connection) as cursor:
            cursor.execute(_RESERVE_BRIEFLY if is_brief else _RESERVE, told)
            row = cursor.fetchone()
            if row is None and is_brief:
                cursor.execute(_PATIENTLY)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != _LOCK_NOT_AVAILABLE:
            raise
        raise _in_flight() from error
    return None if row is None else row[0]


def _in_flight() -> Conflict:
    words = _("The first request with this key is still at work.")
    return Conflict("idempotency_key_in_flight", words, seconds=1)


def _again(given: GivenAnswer, fingerprint: str) -> HttpResponse:
    if given.fingerprint != fingerprint:
        raise Rejected(
            "idempotency_key_reused", _("This idempotency key was used for another request before.")
        )
    response = HttpResponse(bytes(given.body), content_type=CONTENT_TYPE, status=given.status)
    response.headers[REPLAYED] = "true"
    return response


def _answer(act: Callable[[], HttpResponse]) -> HttpResponse:
    """Return what the request is answered; raises _RefusedError for a refusal that is an answer.

    What the caller may not ask at all is raised as it is: nothing is kept of it.
    """
    try:
        return act()
    except (NotAllowed, Malformed):
        raise
    except Rejected as error:
        raise _RefusedError(error) from error
