"""Writing to the journal; the only writer of its table."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from events.models import Event
from portal.actors import Actor
from portal.ids import RisingIds
from portal.metrics import note_event
from portal.ready import insert, insert_many
from portal.staging import Stage

_ids = RisingIds("e")


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one subject, as the journal keeps it."""

    type: str
    subject_type: str
    subject_id: str
    issuer_uid: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    extra: Mapping[str, Any] = field(default_factory=dict)


def record(changes: Iterable[Change], *, by: Actor, now: datetime) -> None:
    """Write one event for each change, inside the caller's transaction, in the order given."""
    events = _events(changes, by=by, now=now)
    if len(events) == 1:
        insert(events[0])
    else:
        insert_many(events)


def record_aside(stage: Stage, changes: Iterable[Change], *, by: Actor, now: datetime) -> None:
    """Gather one event for each change, to be stored with what changed: for very many new subjects.

    Only for subjects that nobody else can change before: their events have no other order.
    """
    stage.add(_events(changes, by=by, now=now))


def _events(changes: Iterable[Change], *, by: Actor, now: datetime) -> list[Event]:
    changes = list(changes)
    # Ids are taken from the clock at the moment of writing, when the caller's locks are had:
    # `now` is older, and two changes of one subject that waited for each other would stand in
    # the order of asking.
    written_at = timezone.now()
    for kind, number in Counter(change.type for change in changes).items():
        note_event(kind, number)
    return [
        Event(
            id=_ids.next(written_at),
            type=change.type,
            actor_id=by.id,
            subject_type=change.subject_type,
            subject_id=change.subject_id,
            issuer_uid=change.issuer_uid,
            meta={**change.extra, "before": dict(change.before), "after": dict(change.after)},
            created_at=now,
        )
        for change in changes
    ]
