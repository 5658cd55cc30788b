"""Writing to the journal; the only writer of its table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from events.models import Event
from portal.actors import Actor
from portal.ids import new_id


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
    """Write one event for each change, inside the caller's transaction."""
    Event.objects.bulk_create(
        [
            Event(
                id=new_id("e", now),
                type=change.type,
                actor_id=by.id,
                subject_type=change.subject_type,
                subject_id=change.subject_id,
                issuer_uid=change.issuer_uid,
                meta={**change.extra, "before": dict(change.before), "after": dict(change.after)},
                created_at=now,
            )
            for change in changes
        ],
        batch_size=500,
    )
