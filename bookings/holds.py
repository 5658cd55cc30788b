"""The verbs of holds: a place is kept for a guest while they type, or while they think about an offer.

A hold takes a place exactly as a booking does, until the clock ends it; nothing has to be
swept for that. Holds write no events: like being online, they come and go with a page, and
what comes of them is in the journal. With `domain`, the app's writers.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from bookings.calendars import Bookable, calendar_of
from bookings.guards import places_guarded
from bookings.models import Booking, Hold, HoldKind
from bookings.rules import refuse_hoarding, refuse_unless_offered
from portal.actors import guest
from portal.errors import Conflict, Rejected
from portal.ids import new_id
from portal.ready import adapted, statement
from vouchers.domain import refuse_unless
from vouchers.models import Offer, Voucher

_END_HOLDS = """
DELETE FROM bookings_hold
WHERE guest_uid = %s AND (kind = 'form' OR (offer_id = %s AND slot_start < %s AND slot_end > %s))
"""


def hold_slot(*, promise: Bookable, start: datetime, guest_uid: str, now: datetime) -> Hold | None:
    """Hold a place of the slot that starts at `start` for HOLD_MINUTES, while its guest types.

    It replaces the hold that the guest had by another form. A place that is held for the guest
    already stays so, for no longer than before. Never lasts beyond the moment until which the slot
    can be booked. Returns None where there is nothing to hold: a voucher without an offer has
    its place to itself, and HOLD_MINUTES may be 0.

    Raises what `book_slot` raises of voucher, slot and guest, and Conflict("batch_used_up").
    """
    if promise.offer is None or not settings.HOLD_MINUTES:
        return None
    refuse_unless_promised(promise, guest_uid, now)
    calendar = calendar_of(promise)
    refuse_unless_offered(calendar, start, now)
    until = min(now + timedelta(minutes=settings.HOLD_MINUTES), start - calendar.min_notice)
    if until <= now:
        return None
    with transaction.atomic(), places_guarded():
        # Locks the offer: two presses of one guest come one after the other.
        refuse_hoarding(promise.offer, guest_uid, "", now)
        own = list(Hold.objects.filter(guest_uid=guest_uid))
        wanted = (promise.offer_id, start)
        had = [hold for hold in own if (hold.offer_id, hold.slot_start) == wanted and hold.expires_at > now]
        if had:
            Hold.objects.of_form().filter(guest_uid=guest_uid).exclude(pk=had[0].pk).delete()
            return had[0]
        hold = next((hold for hold in own if hold.kind == HoldKind.FORM), None)
        is_new = hold is None
        hold = hold or Hold(id=new_id("h", now), kind=HoldKind.FORM, guest_uid=guest_uid)
        hold.offer, hold.slot_start, hold.slot_end = promise.offer, start, start + calendar.duration
        hold.taken_at, hold.expires_at = now, until
        hold.save(force_insert=is_new)
    return hold


def refuse_unless_promised(promise: Bookable, guest_uid: str, now: datetime) -> None:
    """Raise unless a guest can book with a voucher, or with one of a batch; slots aside.

    Raises what `refuse_unless` raises, Rejected("voucher_held"), Conflict("batch_used_up").
    """
    if isinstance(promise, Voucher):
        refuse_unless("book", promise, by=guest(guest_uid), now=now)
        if promise.holder_uid not in ("", guest_uid):
            raise Rejected("voucher_held", _("This voucher belongs to someone else."))
    elif promise.open_issued < 1 or promise.valid_until <= now:
        raise Conflict("batch_used_up", _("The last of these vouchers has just gone."))


def hold_for_offer(
    *, offer: Offer, guest_uid: str, start: datetime, end: datetime, until: datetime, now: datetime
) -> Hold:
    """Hold a place that is offered to a guest who waits, in the caller's transaction.

    Raises Conflict("slot_taken"), and then the caller's transaction can go on.
    """
    with places_guarded(), transaction.atomic():
        return Hold.objects.create(
            id=new_id("h", now),
            kind=HoldKind.OFFER,
            guest_uid=guest_uid,
            offer=offer,
            slot_start=start,
            slot_end=end,
            taken_at=now,
            expires_at=until,
        )


def end_offer_hold(*, offer_id: str, guest_uid: str, start: datetime) -> None:
    """Give back a place that was offered; does nothing when it is no longer held."""
    offered = Hold.objects.filter(kind=HoldKind.OFFER, offer=offer_id)
    offered.filter(guest_uid=guest_uid, slot_start=start).delete()


def release_hold(*, guest_uid: str, start: datetime | None = None) -> None:
    """Give back the place that a guest's form holds; with `start`, only if it is of that slot."""
    held = Hold.objects.of_form().filter(guest_uid=guest_uid)
    if start is not None:
        held = held.filter(slot_start=start)
    held.delete()


def end_holds_of(booking: Booking) -> None:
    """End the holds that a booking was made in, with its offer locked: its guest's form, and what it covers.

    The guard of places does not count these for the booking.
    """
    if booking.offer_id is None:
        return
    values = (booking.holder_uid, booking.offer_id, booking.slot_end, booking.slot_start)
    with statement(connection) as cursor:
        cursor.execute(_END_HOLDS, [adapted(connection, value) for value in values])


def forget_holds(guest_uid: str) -> None:
    """Delete all holds of a guest."""
    Hold.objects.filter(guest_uid=guest_uid).delete()


def prune_holds(now: datetime) -> int:
    """Delete the holds that have lapsed; returns how many."""
    return Hold.objects.filter(expires_at__lte=now).delete()[0]
