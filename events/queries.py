"""Reads of the journal, shaped for a screen."""

import json
from dataclasses import dataclass
from typing import Any

from events.models import Event

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


def journal_of(*subject_ids: str) -> list[Event]:
    """Return the latest events of some subjects, newest first: one query."""
    return list(Event.objects.filter(subject_id__in=subject_ids)[:MOST_SHOWN])


def _mapping(event: Event, side: str) -> dict[str, Any]:
    found = event.meta.get(side) if isinstance(event.meta, dict) else None
    return found if isinstance(found, dict) else {}
