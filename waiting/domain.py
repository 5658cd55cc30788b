"""The verbs of the waiting list; with `line`, the only writers of its table.

Each locks the offer's row before it looks at entries, as bookings and holds of the offer do;
accepting books first, which locks voucher, batch and offer in the order of every booking.
"""

from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from bookings.domain import GuestDetails, book_any, book_slot
from bookings.holds import end_offer_hold
from bookings.models import Booking
from bookings.outbox import forget_offers
from bookings.promises import is_batch
from bookings.rules import refuse_hoarding
from portal.actors import Actor
from portal.errors import Conflict, NotFound, Rejected
from portal.ids import new_id
from portal.ready import Given, Ready
from vouchers.models import Offer
from waiting.line import end_entry, offer_places, tell
from waiting.models import Entry, State
from waiting.outlook import offers_to_serve, to_settle
from waiting.queries import wished_promise
from waiting.rules import refuse_crowding, refuse_free, refuse_unstorable, slots_wanted

# How long names and addresses of entries that are over are kept.
KEEP_ENDED = timedelta(days=7)
_NO_LONGER = _(
    "This offer is over: its time has passed, you have answered it, or the hotel has taken the place back."
)


def join_waiting(
    *,
    promise_key: str,
    day: date,
    start: datetime | None,
    guest: GuestDetails,
    by: Actor,
    now: datetime,
) -> Entry:
    """Put a guest in line for any slot of a hotel's day, or for the slot that starts at `start`.

    Whoever is in line for the same already stays where they are.

    Raises Rejected("promise_not_bookable") for what the guest could not book, or is of no offer;
    what `refuse_unless_offered` raises of a slot; Rejected("day_not_offered"), Conflict("slot_free"),
    Conflict("waiting_limit_reached"), Conflict("guest_limit_reached"), Rejected("waiting_invalid").
    """
    refuse_unstorable(guest.name, guest.email)
    promise = wished_promise(promise_key, by.id, now)
    if promise is None or promise.offer is None:
        raise Rejected("promise_not_bookable", _("There is nothing to wait for with this voucher."))
    email = guest.email.lower()
    with transaction.atomic():
        # Locks the offer: the order of the line is the order of joining.
        refuse_hoarding(promise.offer, by.id, email, now)
        wanted = slots_wanted(promise, day, start, uid=by.id, now=now)
        day = wanted[0].start.astimezone(promise.hotel.zone).date()
        same = Entry.objects.current().filter(guest_uid=by.id, offer=promise.offer, slot_start=start)
        entry = (same.filter(day=day) if start is None else same).first()
        if entry is not None:
            return entry
        refuse_free(wanted)
        refuse_crowding(by.id, email)
        entry = Entry.objects.create(
            id=new_id("q", now),
            hotel=promise.hotel,
            offer=promise.offer,
            promise_key=promise.pk,
            title=promise.title,
            guest_uid=by.id,
            guest_name=guest.name,
            guest_email=email,
            language=guest.language,
            day=day,
            slot_start=start,
            joined_at=now,
        )
        tell("join", entry, before="", by=by, now=now)
    return entry


def accept_offer(*, entry_id: str, by: Actor, now: datetime) -> Booking:
    """Book the place that is offered to a guest; accepting again returns the same booking.

    Raises NotFound("entry_not_found"), Conflict("offer_over"), and what `book_slot` raises, for
    example when the last voucher of a batch has gone.
    """
    entry = own_entry(entry_id, by)
    try:
        return _accept(entry, by, now)
    except Conflict as error:
        # What was answered, or has lapsed, while this waited for its turn is over, whatever it met.
        entry.refresh_from_db()
        if entry.state == State.ACCEPTED:
            return Booking.objects.get(pk=entry.booking_id)
        # A place is held while its offer stands: who finds it taken came while it stood, by `now`, and had
        # to wait for others beyond its end.
        if error.code == "slot_taken" or not entry.is_open_offer(now):
            raise Conflict("offer_over", _NO_LONGER) from error
        raise


def _accept(entry: Entry, by: Actor, now: datetime) -> Booking:
    if not entry.is_open_offer(now) or entry.offered_start is None:
        raise Conflict("offer_over", _NO_LONGER)
    details = GuestDetails(name=entry.guest_name, email=entry.guest_email, language=entry.language)
    start, key = entry.offered_start, entry.promise_key
    with transaction.atomic():
        if is_batch(key):
            booking = book_any(batch_id=key, start=start, holder_uid=by.id, by=by, now=now, guest=details)
        else:
            booking = book_slot(voucher_id=key, start=start, holder_uid=by.id, by=by, now=now, guest=details)
        if not end_entry(entry, State.ACCEPTED, now=now, booking_id=booking.pk):
            raise Conflict("offer_over", _NO_LONGER)
        tell("accept", entry, before=State.OFFERED, by=by, now=now)
    return booking


def pass_offer(*, entry_id: str, by: Actor, now: datetime) -> Entry:
    """Say no to an offered place; the next in line has it at once. Passing again changes nothing.

    Who waits for a day stays in line for its other slots, at the same place.

    Raises NotFound("entry_not_found"), Conflict("offer_over").
    """
    entry = own_entry(entry_id, by)
    with transaction.atomic():
        lock_offer(entry.offer_id)
        entry.refresh_from_db()
        start = entry.offered_start
        if entry.state == State.PASSED or (start and start.isoformat() in entry.passed_starts):
            return entry
        if not entry.is_open_offer(now) or start is None:
            raise Conflict("offer_over", _NO_LONGER)
        end_offer_hold(offer_id=entry.offer_id, guest_uid=entry.guest_uid, start=start)
        if entry.slot_start is None:
            entry.state, entry.passed_starts = State.WAITING, [*entry.passed_starts, start.isoformat()]
            entry.save(update_fields=["state", "passed_starts"])
        else:
            end_entry(entry, State.PASSED, now=now)
        tell("pass", entry, before=State.OFFERED, by=by, now=now)
        offer_places(entry.offer, now)
    return entry


def leave_waiting(*, entry_id: str, by: Actor, now: datetime) -> Entry:
    """Leave the line, and give back what is offered; leaving what is over changes nothing.

    Raises NotFound("entry_not_found").
    """
    entry = own_entry(entry_id, by)
    with transaction.atomic():
        lock_offer(entry.offer_id)
        entry.refresh_from_db()
        if not entry.is_current:
            return entry
        before = entry.state
        if entry.offered_start is not None:
            end_offer_hold(offer_id=entry.offer_id, guest_uid=entry.guest_uid, start=entry.offered_start)
        end_entry(entry, State.LEFT, now=now)
        tell("leave", entry, before=before, by=by, now=now)
        offer_places(entry.offer, now)
    return entry


_IN_LINE = Ready(lambda: Entry.objects.current().filter(offer=Given("offer")).values_list("pk")[:1])


def serve_offer(*, offer_id: str, now: datetime) -> int:
    """Bring an offer's line up to the clock: end what has lapsed, offer what is free; returns how many.

    Any number of processes may do this at once. With nobody in line it is one look at an index.
    """
    if not _IN_LINE.values(offer=offer_id):
        return 0
    with transaction.atomic():
        return offer_places(lock_offer(offer_id), now)


def settle_if_due(*, offer_id: str, now: datetime) -> None:
    """Serve an offer's line if the clock has ended something: nobody waits behind what has lapsed."""
    if to_settle(now).filter(offer=offer_id).exists():
        serve_offer(offer_id=offer_id, now=now)


def serve_all(now: datetime) -> int:
    """Bring every line up to the clock; returns how many places were offered."""
    return sum(serve_offer(offer_id=offer_id, now=now) for offer_id in offers_to_serve(now))


def forget_waiting(*, guest_uid: str, by: Actor, now: datetime) -> int:
    """Take a guest out of every line and erase their entries and mails; returns how many entries."""
    own = Entry.objects.held_by(guest_uid)
    with transaction.atomic():
        for key in own.current().order_by("offer_id", "pk").values_list("pk", flat=True):
            leave_waiting(entry_id=key, by=by, now=now)
        forget_offers(guest_uid)
        return own.delete()[0]


def prune_waiting(now: datetime) -> int:
    """Forget the entries that have been over for a week; returns how many."""
    return Entry.objects.filter(ended_at__lte=now - KEEP_ENDED).delete()[0]


def lock_offer(offer_id: str) -> Offer:
    """Let nobody else change the offer's line, holds or bookings until the caller's transaction ends."""
    return Offer.objects.select_for_update(no_key=True).get(pk=offer_id)


def own_entry(entry_id: str, by: Actor) -> Entry:
    """Return a guest's entry; raises NotFound("entry_not_found"), the same for a stranger's."""
    entry = Entry.objects.held_by(by.id).select_related("offer", "hotel").filter(pk=entry_id).first()
    if entry is None:
        raise NotFound("entry_not_found", _("You are not in this line."))
    return entry
