"""Reads of the journal, shaped for a screen or for a system that follows it."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db import connection

from events.models import Event, JournalEnd

MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that an event changed, before and after, in words."""

    name: str
    before: str
    after: str


def differences(event: Event) -> list[Difference]:
    """Return what an event changed, by name; values that stayed as they were are left out."""
    before, after = (_mapping(event, side) for side in ("before", "after"))
    found = (
        Difference(name, value_words(before.get(name)), value_words(after.get(name)))
        for name in sorted({*before, *after})
    )
    return [each for each in found if each.before != each.after]


def details(event: Event) -> list[tuple[str, str]]:
    """Return what else an event says: which booking, which slot, for what reason."""
    meta = event.meta if isinstance(event.meta, dict) else {}
    return [
        (name, value_words(value))
        for name, value in sorted(meta.items())
        if name not in ("before", "after") and value not in (None, "")
    ]


def value_words(value: object) -> str:
    """Return a value of the journal as text; nothing is a dash."""
    if value in (None, "", [], {}):
        return "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# The next type after each, as an index has them: of a million events a few dozen entries are read.
_TYPES = """
WITH RECURSIVE kinds(kind) AS (
    SELECT MIN(type) FROM events_event
    UNION ALL
    SELECT (SELECT MIN(type) FROM events_event WHERE type > kinds.kind)
    FROM kinds WHERE kinds.kind IS NOT NULL
)
SELECT kind FROM kinds WHERE kind IS NOT NULL
"""


def types_written() -> list[str]:
    """Return the types of event that the journal has, in their order: one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_TYPES)
        return [kind for (kind,) in cursor.fetchall()]


def journal_of(*subject_ids: str) -> list[Event]:
    """Return the latest events of some subjects, newest first: one query."""
    return list(Event.objects.filter(subject_id__in=subject_ids)[:MOST_SHOWN])


def events_after(
    position: int,
    *,
    issuer_uid: str | None,
    types: Collection[str] = (),
    subject_id: str = "",
    limit: int,
) -> list[Event]:
    """Return the events that follow a position, oldest first; only what is numbered.

    `issuer_uid` None means the journal of every hotel; no `types` means every type.
    """
    events = Event.objects.filter(position__gt=position).order_by("position")
    if issuer_uid is not None:
        events = events.filter(issuer_uid=issuer_uid)
    if types:
        events = events.filter(type__in=types)
    if subject_id:
        events = events.filter(subject_id=subject_id)
    return list(events[:limit])


def position_of(event_id: str, issuer_uid: str | None) -> int | None:
    """Return an event's position; None for one that is not there, not the hotel's, or not numbered."""
    events = Event.objects.filter(pk=event_id)
    if issuer_uid is not None:
        events = events.filter(issuer_uid=issuer_uid)
    return events.values_list("position", flat=True).first()


def journal_end() -> int:
    """Return the position of the last numbered event; 0 in an empty journal."""
    return JournalEnd.objects.filter(pk=1).values_list("position", flat=True).first() or 0


def event_facts(event: Event) -> dict[str, Any]:
    """Return an event as other systems are told it."""
    return {
        "id": event.pk,
        "type": event.type,
        "actor_id": event.actor_id,
        "subject_type": event.subject_type,
        "subject_id": event.subject_id,
        "issuer_uid": event.issuer_uid,
        "meta": event.meta,
        "created_at": event.created_at,
    }


def _mapping(event: Event, side: str) -> dict[str, Any]:
    found = event.meta.get(side) if isinstance(event.meta, dict) else None
    return found if isinstance(found, dict) else {}
