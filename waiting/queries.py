"""Reads of the waiting list, shaped for a screen."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from bookings.calendars import Bookable
from bookings.promises import is_batch, promise_of
from bookings.slots import Slot
from vouchers.models import Voucher
from waiting.models import Entry


def wished_promise(key: str, uid: str, now: datetime) -> Bookable | None:
    """Return what a guest would book with, by a voucher's or a batch's key; None unless they could.

    For a voucher that nobody holds it is its batch: the guest waits for any of it.
    """
    if not is_batch(key):
        key = Voucher.objects.open().filter(pk=key).values_list("batch_id", flat=True).first() or key
    return promise_of(key, uid, now)


def position_of(entry: Entry) -> int:
    """Return how many are in line for the same up to and with this entry.

    Whoever else came before and waits for any slot of the day, or for the same one, counts; also
    who has a place offered, since they may pass. The number never grows.
    """
    line = Entry.objects.current().filter(offer=entry.offer_id, day=entry.day)
    line = line.exclude(guest_uid=entry.guest_uid)
    if entry.slot_start is not None:
        line = line.filter(Q(slot_start=None) | Q(slot_start=entry.slot_start))
    earlier = Q(joined_at__lt=entry.joined_at) | Q(joined_at=entry.joined_at, pk__lt=entry.pk)
    return line.filter(earlier).count() + 1


@dataclass(frozen=True, slots=True)
class EntryView:
    """An entry as its guest sees it at a moment."""

    entry: Entry
    is_open_offer: bool
    position: int

    @property
    def slot(self) -> Slot | None:
        """The one slot that the guest waits for."""
        start = self.entry.slot_start
        return Slot(start, start, 0) if start else None


def view_of(entry: Entry, now: datetime) -> EntryView:
    """Return what an entry's page shows; its place in line while it is in line."""
    return EntryView(entry, entry.is_open_offer(now), position_of(entry) if entry.is_current else 0)


def entry_of(entry_id: str, guest_uid: str) -> Entry | None:
    """Return a guest's own entry; None for anyone else's."""
    return Entry.objects.held_by(guest_uid).select_related("hotel", "offer").filter(pk=entry_id).first()


def current_of(guest_uid: str, now: datetime) -> list[EntryView]:
    """Return where a guest is in line: offers first, then by day."""
    own = Entry.objects.held_by(guest_uid).current().select_related("hotel", "offer")
    views = [view_of(entry, now) for entry in own.order_by("day", "joined_at", "pk")]
    return sorted(views, key=lambda view: not view.is_open_offer)


def waiting_data(guest_uid: str) -> list[Mapping[str, Any]]:
    """Return all that is stored of a guest's waiting."""
    columns = (
        "id", "hotel__name", "title", "promise_key", "guest_name", "guest_email", "language", "day",
        "slot_start", "joined_at", "state", "offered_start", "offered_until", "booking_id", "ended_at",
    )  # fmt: skip
    return list(Entry.objects.held_by(guest_uid).order_by("pk").values(*columns))
