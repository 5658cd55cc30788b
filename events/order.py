"""The order in which committed events are delivered; see docs/decisions/0008-journal-order.md."""

from django.db import transaction

from events.models import Event, JournalEnd
from events.queries import journal_end

MOST_AT_ONCE = 1000


def number_events() -> int:
    """Give committed events that have no position the next ones, in the order of their ids.

    Numbers at most MOST_AT_ONCE and returns how many. An event that can be seen with a
    position was numbered after every event below it: whoever has read up to a position has
    missed nothing. Any number of processes may do this at once.
    """
    waiting = Event.objects.filter(position=None).order_by("pk")
    if not waiting.exists():
        return 0
    with transaction.atomic():
        JournalEnd.objects.get_or_create(pk=1)
        # The lock comes before the look at the events: what another process numbered and
        # committed meanwhile is no longer waiting.
        end = JournalEnd.objects.select_for_update().get(pk=1)
        events = list(waiting.only("pk")[:MOST_AT_ONCE])
        for position, event in enumerate(events, end.position + 1):
            event.position = position
        Event.objects.bulk_update(events, ["position"])
        JournalEnd.objects.filter(pk=1).update(position=end.position + len(events))
    return len(events)


def number_all_events() -> int:
    """Number everything that is committed by now; returns the position of the last."""
    while number_events() == MOST_AT_ONCE:
        pass
    return journal_end()
