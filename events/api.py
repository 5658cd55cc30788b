"""The journal over the JSON API, for systems that follow it."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from ninja import Query, Router

from events.order import number_all_events
from events.queries import event_facts, events_after, position_of
from events.schemas import EVENT_EXAMPLE, EventList, EventQuery
from portal.answers import answer
from portal.callers import Scope, caller_of
from portal.errors import Rejected
from portal.ids import is_id
from portal.schemas import operation

router = Router(tags=["events"])


@router.get(
    "",
    **operation(
        "listEvents",
        "Follow the journal",
        Scope.READ_VOUCHERS,
        EventList,
        refusals={422: ("cursor_invalid",)},
        example={"ok": True, "items": [EVENT_EXAMPLE], "next_after": EVENT_EXAMPLE["id"]},
    ),
)
def list_events(request: HttpRequest, query: Query[EventQuery]) -> HttpResponse:
    """Return the hotel's journal, oldest first: what was committed, in an order that never changes.

    To follow it, send `next_after` as `after` again and again: nothing is missed and nothing
    comes twice. Webhooks bring the same without asking.
    """
    caller = caller_of(request, Scope.READ_VOUCHERS)
    issuer_uid = caller.issuer()
    number_all_events()
    position = _position(query.after, issuer_uid) if query.after else 0
    is_possible = all(is_id(text.replace(".", "_")) for text in (query.type, query.subject_id) if text)
    events = (
        events_after(
            position,
            issuer_uid=issuer_uid,
            types=[query.type] if query.type else (),
            subject_id=query.subject_id,
            limit=query.limit,
        )
        if is_possible
        else []
    )
    next_after = events[-1].pk if events else query.after or None
    return answer({"items": [event_facts(event) for event in events], "next_after": next_after})


def _position(event_id: str, issuer_uid: str | None) -> int:
    position = position_of(event_id, issuer_uid) if is_id(event_id) else None
    if position is None:
        raise Rejected("cursor_invalid", _("There is no such event to go on after."))
    return position
