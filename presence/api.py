"""Presence over the JSON API: for browsers, by their own session, without a key."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Body, Router

from portal.allowances import Allowance
from portal.answers import answer
from portal.schemas import operation
from presence import rooms
from presence.browser import refuse_foreign, refuse_other_guest, remember_guest, session_uid
from presence.schemas import (
    HEARTBEAT_EXAMPLE,
    MATCH_EXAMPLE,
    VERIFIED_EXAMPLE,
    Alive,
    Heartbeat,
    MatchAnswer,
    MatchRequest,
    Verified,
    Verify,
)

# Anyone may ask the first, and is counted for their address; the others count for each guest.
identity_router = Router(tags=["presence"])
router = Router(tags=["presence"])

_SESSION = {
    401: ("session_missing",),
    403: ("origin_foreign", "thinker_foreign"),
    422: ("pair_code_invalid",),
}


def _counted(request: HttpRequest, allowance: Allowance) -> None:
    request.allowance = allowance  # type: ignore[attr-defined]  # for the answer's headers


@identity_router.post(
    "/verify",
    **operation(
        "verifyIdentity",
        "Prove who you are",
        None,
        Verified,
        has_body=True,
        refusals={
            400: ("signature_incomplete", "token_invalid"),
            401: ("signature_stale", "signature_invalid"),
            403: ("origin_foreign",),
        },
        example=VERIFIED_EXAMPLE,
    ),
)
def verify(request: HttpRequest, body: Body[Verify]) -> HttpResponse:
    """Open a session for the identity of a token: a signed cookie, for this browser alone.

    The token is kept nowhere. Whoever knows it has this identity, so make it long and random.
    """
    refuse_foreign(request)
    found = rooms.verify(token=body.token, ts=body.ts, signature=body.sig, now=timezone.now())
    response = answer({"thinker_id": found.uid, "pair_code": found.pair_code})
    remember_guest(response, found.uid)
    return response


@router.post(
    "/heartbeat",
    **operation(
        "heartbeat",
        "Stay online",
        None,
        Alive,
        has_body=True,
        refusals=_SESSION,
        example=HEARTBEAT_EXAMPLE,
    ),
)
def heartbeat(request: HttpRequest, body: Body[Heartbeat]) -> HttpResponse:
    """Stay online for 60 seconds more, or go offline. Every 25 seconds is often enough."""
    refuse_foreign(request)
    uid = session_uid(request)
    refuse_other_guest(uid, body.thinker_id)
    now = timezone.now()
    is_online = body.status == "online"
    _counted(request, rooms.heartbeat(uid=uid, pair_code=body.pair_code, is_online=is_online, now=now))
    return answer({"last_seen": int(now.timestamp() * 1000)})


@router.post(
    "/match",
    **operation(
        "match",
        "Find your party",
        None,
        MatchAnswer,
        has_body=True,
        refusals=_SESSION,
        example=MATCH_EXAMPLE,
    ),
)
def match(request: HttpRequest, body: Body[MatchRequest]) -> HttpResponse:
    """Return the room of everyone who is online with a pair code: one for all of them, null while alone.

    It keeps you online too. Every 5 seconds is often enough.
    """
    refuse_foreign(request)
    uid = session_uid(request)
    refuse_other_guest(uid, body.thinker_id)
    found = rooms.match(uid=uid, pair_code=body.pair_code, now=timezone.now())
    _counted(request, found.allowance)
    return answer({"room_id": found.room_id})
