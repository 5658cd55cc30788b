"""What joining the line is refused for: each function raises, or lets pass."""

from datetime import date, datetime

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bookings.calendars import Bookable, calendar_of, taken_for
from bookings.rules import refuse_unless_offered
from bookings.slots import Slot, slots
from portal.errors import Conflict, Rejected
from vouchers.validators import is_storable
from waiting.models import Entry

MOST_PER_GUEST = 3


def refuse_unstorable(*texts: str) -> None:
    """Raise Rejected("waiting_invalid") for a text that cannot be stored."""
    if not all(is_storable(text) for text in texts):
        raise Rejected("waiting_invalid", _("This has characters that cannot be stored."))


def slots_wanted(
    promise: Bookable, day: date, start: datetime | None, *, uid: str, now: datetime
) -> list[Slot]:
    """Return the slots that a wish is about, with what is free of them for the guest.

    Raises what `refuse_unless_offered` raises, and Rejected("day_not_offered") for a day without
    a slot that is still to come.
    """
    calendar = calendar_of(promise)
    if start is not None:
        refuse_unless_offered(calendar, start, now)
        day = calendar.day_of(start)
    taken = taken_for(promise, calendar, day, day, now=now, guest_uid=uid)
    found = slots(calendar, day, day, now=now, taken=taken)
    wanted = [slot for slot in found if start is None or slot.start == start]
    if not wanted:
        raise Rejected("day_not_offered", _("There is nothing to wait for on this day."))
    return wanted


def refuse_free(wanted: list[Slot]) -> None:
    """Raise Conflict("slot_free") when there is no need to wait."""
    if any(slot.left for slot in wanted):
        raise Conflict("slot_free", _("A place is free just now: you can book it without waiting."))


def refuse_crowding(uid: str, email: str) -> None:
    """Raise Conflict("waiting_limit_reached") for a guest who waits for enough, by uid or address."""
    own = Entry.objects.current().filter(Q(guest_uid=uid) | Q(guest_email=email.lower()))
    if own.count() >= MOST_PER_GUEST:
        raise Conflict(
            "waiting_limit_reached",
            _("You are in line %(most)s times already. Leave one of them first."),
            most=MOST_PER_GUEST,
        )
