"""The earlier system's presence calls, translated; the rules are those of `presence`."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router

from access.authentication import count
from legacy.bindings import acting_uid
from legacy.shapes import Fields, body_of
from portal.allowances import Allowance
from portal.answers import answer
from presence import rooms
from presence.browser import guest_uid_of, refuse_foreign, remember_guest

router = Router(auth=None)
_TOKEN_NAMES = ("token", "mot", "thinker_token")


def _milliseconds(fields: Fields) -> int | None:
    """Return `ts`, a number or a text of digits."""
    told = fields.raw("ts")
    if told is None:
        return None
    if isinstance(told, str) and told.isascii() and told.isdecimal() and len(told) < 20:
        return int(told)
    return fields.whole("ts", 0)


def _acted(request: HttpRequest, uid: str, allowance: Allowance, content: dict[str, Any]) -> HttpResponse:
    """Return an answer; a browser that was nobody's is this guest's from now on."""
    request.allowance = allowance  # type: ignore[attr-defined]  # for the answer's headers
    response = answer(content)
    if guest_uid_of(request) != uid:
        remember_guest(response, uid)
    return response


@router.post("/verify")
def verify(request: HttpRequest) -> HttpResponse:
    """Open a session for the identity of a token."""
    now = timezone.now()
    count(request, now)
    refuse_foreign(request)
    fields = body_of(request)
    token = next(filter(None, map(fields.text, _TOKEN_NAMES)), "") or fields.needed("token")
    signature = fields.text("sig") or None
    found = rooms.verify(token=token, ts=_milliseconds(fields), signature=signature, now=now)
    response = answer({"thinker_id": found.uid, "pair_code": found.pair_code})
    remember_guest(response, found.uid)
    return response


@router.post("/heartbeat")
def heartbeat(request: HttpRequest) -> HttpResponse:
    """Stay online, or go offline."""
    refuse_foreign(request)
    fields = body_of(request)
    thinker_id, pair_code = fields.needed("thinker_id"), fields.text("pair_code")
    is_online = fields.text("status", "online") == "online"
    now = timezone.now()
    uid = acting_uid(request, thinker_id, now)
    allowance = rooms.heartbeat(uid=uid, pair_code=pair_code, is_online=is_online, now=now)
    return _acted(request, uid, allowance, {"last_seen": int(now.timestamp() * 1000)})


@router.post("/match")
def match(request: HttpRequest) -> HttpResponse:
    """Return the shared room, or null."""
    refuse_foreign(request)
    fields = body_of(request)
    thinker_id, pair_code = fields.needed("thinker_id"), fields.needed("pair_code")
    now = timezone.now()
    uid = acting_uid(request, thinker_id, now)
    found = rooms.match(uid=uid, pair_code=pair_code, now=now)
    return _acted(request, uid, found.allowance, {"room_id": found.room_id})
