"""The line of one offer, moved on: what is over ends, and what is free is offered, first come first.

All of it happens under the offer's lock, which the callers have: bookings and holds of the
offer are made under it as well, so a place that is free here is free until the commit.
"""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q

from bookings.holds import end_offer_hold, hold_for_offer
from bookings.models import Booking
from bookings.outbox import owe_offer
from bookings.rules import refuse_hoarding
from bookings.slot_ids import slot_id
from bookings.slots import Slot
from events.domain import Change, record
from portal.actors import CLOCK, Actor, guest
from portal.errors import Conflict
from vouchers.models import Batch, Offer
from waiting.models import CURRENT, Entry, State
from waiting.outlook import Outlook, to_settle


def offer_places(offer: Offer, now: datetime) -> int:
    """Settle the offers that are over, then offer what is free to those in line; returns how many.

    The first in line whose wish a free place fits has it. Passed over, and kept in line, is who
    has another offer open, and who waits for one of a batch whose last vouchers are offered
    already. Who could not book any more is taken out of the line.
    """
    for entry in to_settle(now).filter(offer=offer).order_by("joined_at", "pk"):
        _settle(entry, now)
    entries = list(Entry.objects.in_line().filter(offer=offer).select_related("hotel"))
    if not entries:
        return 0
    outlook = Outlook(entries, now)
    busy = _Busy(offer)
    number = 0
    for entry in entries:
        promise = outlook.promise(entry)
        if promise is None or outlook.is_over(entry):
            _lapse(entry, now, reason="voucher_gone" if promise is None else "time_over")
            continue
        slot = outlook.free_slot(entry)
        if slot is None or busy.has(entry, promise):
            continue
        try:
            refuse_hoarding(offer, entry.guest_uid, entry.guest_email, now)
        except Conflict as error:
            _lapse(entry, now, reason=error.code)
            continue
        until = min(now + timedelta(minutes=settings.OFFER_HOLD_MINUTES), outlook.deadline(entry, slot))
        _offer(entry, offer, slot, until, now)
        busy.add(entry)
        outlook.look()
        number += 1
    return number


class _Busy:
    """Who has an offer open, and how many vouchers of each batch are spoken for."""

    def __init__(self, offer: Offer) -> None:
        self._guests: set[str] = set()
        self._promises: Counter[str] = Counter()
        for entry in Entry.objects.offered().filter(offer=offer):
            self.add(entry)

    def add(self, entry: Entry) -> None:
        self._guests |= {entry.guest_uid, entry.guest_email}
        self._promises[entry.promise_key] += 1

    def has(self, entry: Entry, promise: object) -> bool:
        if isinstance(promise, Batch) and self._promises[promise.pk] >= promise.open_issued:
            return True
        return bool(self._guests & {entry.guest_uid, entry.guest_email})


def _offer(entry: Entry, offer: Offer, slot: Slot, until: datetime, now: datetime) -> None:
    """Hold a place for a guest who waits, and owe them the mail that says so."""
    hold_for_offer(
        offer=offer, guest_uid=entry.guest_uid, start=slot.start, end=slot.end, until=until, now=now
    )
    entry.state, entry.offered_at = State.OFFERED, now
    entry.offered_start, entry.offered_end, entry.offered_until = slot.start, slot.end, until
    entry.save(update_fields=["state", "offered_at", "offered_start", "offered_end", "offered_until"])
    tell("offer", entry, before=State.WAITING, by=CLOCK, now=now)
    owe_offer(
        hotel=entry.hotel,
        recipient=entry.guest_email,
        guest_uid=entry.guest_uid,
        facts={
            "key": entry.pk,
            "name": entry.guest_name,
            "language": entry.language,
            "title": entry.title,
            "start": slot.start.isoformat(),
            "end": slot.end.isoformat(),
            "until": until.isoformat(),
            "page": "waiting:entry",
        },
        useless_at=until,
        now=now,
    )


def _settle(entry: Entry, now: datetime) -> None:
    """Note what became of an offer: its guest has booked it, by whatever page, or its time is over."""
    start: Any = entry.offered_start
    booked = Booking.objects.standing().filter(
        Q(created_at__gte=entry.offered_at) | Q(moved_at__gte=entry.offered_at),
        holder_uid=entry.guest_uid,
        offer=entry.offer_id,
        slot_start=start,
    )
    booking_id = booked.values_list("pk", flat=True).first()
    if booking_id is None:
        _lapse(entry, now, reason="not_answered")
    else:
        end_entry(entry, State.ACCEPTED, now=now, booking_id=booking_id)
        tell("accept", entry, before=State.OFFERED, by=guest(entry.guest_uid), now=now)


def _lapse(entry: Entry, now: datetime, *, reason: str) -> None:
    before = entry.state
    if before == State.OFFERED and entry.offered_start is not None:
        end_offer_hold(offer_id=entry.offer_id, guest_uid=entry.guest_uid, start=entry.offered_start)
    end_entry(entry, State.LAPSED, now=now)
    tell("lapse", entry, before=before, by=CLOCK, now=now, reason=reason)


def end_entry(entry: Entry, state: State, *, now: datetime, **fields: Any) -> bool:
    """Take an entry out of the line; False when somebody else has, before the caller had the lock."""
    as_read = Entry.objects.filter(pk=entry.pk, state=entry.state, state__in=CURRENT)
    if not as_read.update(state=state, ended_at=now, **fields):
        return False
    entry.state, entry.ended_at = state, now
    for name, value in fields.items():
        setattr(entry, name, value)
    return True


def tell(verb: str, entry: Entry, *, before: str, by: Actor, now: datetime, reason: str = "") -> None:
    """Write a step of the line to the journal: all that the order of offers follows from, and no person."""
    slot = entry.slot_offered
    record(
        [
            Change(
                type=f"waiting.{verb}",
                subject_type="waiting",
                subject_id=entry.pk,
                issuer_uid=entry.hotel_id,
                before={"state": before} if before else {},
                after={"state": str(entry.state)},
                extra={
                    "offer_id": entry.offer_id,
                    "promise_key": entry.promise_key,
                    "day": entry.day.isoformat(),
                    "wanted": slot_id(entry.slot_start) if entry.slot_start else "",
                    "joined_at": entry.joined_at.isoformat(),
                    "offered": slot_id(slot.start) if slot else "",
                    "offered_until": entry.offered_until.isoformat() if entry.offered_until else "",
                    "booking_id": entry.booking_id,
                    "reason": reason,
                },
            )
        ],
        by=by,
        now=now,
    )
