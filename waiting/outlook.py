"""What is free of what guests wait for: reads for the line, of one offer or of all at once."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from bookings.calendars import Bookable, calendars_of, taken_by_offer
from bookings.models import Hold, HoldKind
from bookings.promises import is_batch
from bookings.slots import Calendar, Slot, slots
from bookings.wallclock import day_bounds
from vouchers.models import Batch, Voucher
from vouchers.states import Status
from waiting.models import Entry

# With less time than this to answer, nothing is offered.
SHORTEST_OFFER = timedelta(minutes=5)


def promises_of(keys: Collection[str], now: datetime) -> dict[str, Bookable]:
    """Return the vouchers and batches of some keys that can be booked: two queries at most."""
    batch_keys = [key for key in keys if is_batch(key)]
    voucher_keys = [key for key in keys if not is_batch(key)]
    found: dict[str, Bookable] = {}
    if batch_keys:
        batches = Batch.objects.shown_as(Status.ISSUED, now).filter(pk__in=batch_keys)
        found |= {batch.pk: batch for batch in batches.select_related("hotel", "offer")}
    if voucher_keys:
        vouchers = Voucher.objects.shown_as(Status.ISSUED, now).filter(pk__in=voucher_keys)
        found |= {voucher.pk: voucher for voucher in vouchers.select_related("hotel", "offer")}
    return found


class Outlook:
    """The slots that entries wish for, at one moment; read once for each promise and day."""

    def __init__(self, entries: Sequence[Entry], now: datetime) -> None:
        self._now = now
        self.promises = promises_of({entry.promise_key for entry in entries}, now)
        calendars = calendars_of(list(self.promises.values()))
        self._calendars: Mapping[str, Calendar] = dict(zip(self.promises, calendars, strict=True))
        self._until = max(
            (
                day_bounds(entry.day, calendar.zone)[1] + calendar.duration
                for entry in entries
                if (calendar := self._calendars.get(entry.promise_key)) is not None
            ),
            default=now,
        )
        self.look()

    def look(self) -> None:
        """See anew which places are taken: one query."""
        offer_ids = {promise.offer_id for promise in self.promises.values() if promise.offer_id is not None}
        self._taken = taken_by_offer(offer_ids, self._now, self._until, now=self._now)
        self._found: dict[tuple[str, date], list[Slot]] = {}

    def promise(self, entry: Entry) -> Bookable | None:
        """Return what the guest of an entry would book with; None when they no longer could."""
        promise = self.promises.get(entry.promise_key)
        is_foreign = isinstance(promise, Voucher) and promise.holder_uid != entry.guest_uid
        return None if is_foreign else promise

    def is_over(self, entry: Entry) -> bool:
        """Tell whether the time of a wish has come too near for a booking."""
        calendar = self._calendars[entry.promise_key]
        last = entry.slot_start or day_bounds(entry.day, calendar.zone)[1]
        return last < self._now + calendar.min_notice

    def deadline(self, entry: Entry, slot: Slot) -> datetime:
        """Return until when the guest of an entry could still book a slot."""
        return slot.start - self._calendars[entry.promise_key].min_notice

    def free_slot(self, entry: Entry) -> Slot | None:
        """Return the first free slot that fits a wish, and leaves time to answer."""
        calendar = self._calendars[entry.promise_key]
        key = (entry.promise_key, entry.day)
        if key not in self._found:
            taken = self._taken[entry.offer_id]
            found = slots(calendar, entry.day, entry.day, now=self._now, taken=taken)
            self._found[key] = [slot for slot in found if slot.left]
        for slot in self._found[key]:
            if entry.wants(slot, entry.day) and self.deadline(entry, slot) >= self._now + SHORTEST_OFFER:
                return slot
        return None


def to_settle(now: datetime) -> QuerySet[Entry]:
    """Return the entries whose offer is over: lapsed, or no longer held, since its guest has booked."""
    held = Hold.objects.filter(
        kind=HoldKind.OFFER,
        offer=OuterRef("offer"),
        guest_uid=OuterRef("guest_uid"),
        slot_start=OuterRef("offered_start"),
    )
    return Entry.objects.offered().filter(Q(offered_until__lte=now) | ~Exists(held))


def offers_to_serve(now: datetime) -> list[str]:
    """Return the offers whose line can move on: eight queries at most, one when nobody waits."""
    if not Entry.objects.current().exists():
        return []
    found = set(to_settle(now).order_by().values_list("offer_id", flat=True))
    # Many wait for the same: each wish is looked at once.
    columns = ("offer_id", "promise_key", "guest_uid", "day", "slot_start", "passed_starts")
    rows = Entry.objects.in_line().order_by().values(*columns)
    wishes = [Entry(**row) for row in rows]
    outlook = Outlook(wishes, now)
    for wish in wishes:
        if wish.offer_id not in found and (
            outlook.promise(wish) is None or outlook.is_over(wish) or outlook.free_slot(wish) is not None
        ):
            found.add(wish.offer_id)
    return sorted(found)
