"""The verbs that change bookings; the only writer of the bookings app's tables.

Every verb changes the voucher's row first (see `vouchers.domain`), then the booking's.
That two bookings never share a place is the database's own doing: see `bookings.guards`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from bookings.calendars import calendar_of
from bookings.guards import places_guarded
from bookings.holds import end_holds_of
from bookings.models import Booking, BookingStatus, MailKind
from bookings.outbox import owe_mail
from bookings.reminders import remind_at
from bookings.rules import (
    refuse_cancelled,
    refuse_hoarding,
    refuse_invalid,
    refuse_late,
    refuse_other_holder,
    refuse_reason,
    refuse_unless_offered,
)
from bookings.slots import Calendar
from bookings.wallclock import day_bounds
from events.domain import Change, record
from portal.actors import Actor
from portal.errors import Conflict, Rejected
from portal.ids import new_id
from portal.ready import Given, Ready, insert, update
from portal.transactions import all_or_nothing, taken_back_whole
from vouchers.domain import change_of, change_status, refuse_unless, state_of, voucher_with_all
from vouchers.models import Voucher, VoucherQuerySet
from vouchers.states import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestDetails:
    """What a guest typed into the booking form."""

    name: str = ""
    email: str = ""
    note: str = ""
    language: str = "en"
    form_key: str | None = None


def book_slot(
    *,
    voucher_id: str,
    start: datetime,
    holder_uid: str,
    by: Actor,
    now: datetime,
    guest: GuestDetails = GuestDetails(),
) -> Booking:
    """Book the slot that starts at `start` with a voucher, for `holder_uid`.

    Raises what `change_status` raises; Rejected("slot_too_soon" | "slot_outside_validity" |
    "slot_not_offered"); Rejected("holder_not_allowed") for a guest who books for another;
    Rejected("voucher_held") when somebody else holds the voucher; Conflict("slot_taken") when all
    places are taken; Conflict("guest_limit_reached") when a guest has as many live bookings of the
    offer as it allows; Rejected("booking_invalid").
    """
    voucher = voucher_with_all(voucher_id)
    if voucher is None:
        raise Voucher.DoesNotExist
    return book_with(voucher=voucher, start=start, holder_uid=holder_uid, by=by, now=now, guest=guest)


def book_with(
    *,
    voucher: Voucher,
    start: datetime,
    holder_uid: str,
    by: Actor,
    now: datetime,
    guest: GuestDetails = GuestDetails(),
) -> Booking:
    """Book a slot with a voucher that was read with its hotel and offer; see `book_slot`."""
    refuse_unless("book", voucher, by=by, now=now)
    calendar = calendar_of(voucher)
    refuse_unless_offered(calendar, start, now)
    refuse_other_holder(holder_uid, by)
    with all_or_nothing(), places_guarded():
        return take_slot(voucher, calendar, start, holder_uid, guest, by, now)


def _left() -> VoucherQuerySet:
    """Return the first voucher of a batch that nobody holds, with its hotel and offer."""
    open_ones = Voucher.objects.open().shown_as(Status.ISSUED, Given("now"))  # type: ignore[arg-type]
    return open_ones.filter(batch=Given("batch")).select_related("hotel", "offer").order_by("pk")


_LEFT = Ready(lambda: _left()[:1])
_LEFT_UNLOCKED = Ready(lambda: _left().select_for_update(skip_locked=True, no_key=True, of=("self",))[:1])
_LEFT_LOCKED = Ready(lambda: _left().select_for_update(no_key=True, of=("self",))[:1])


def book_any(
    *,
    batch_id: str,
    start: datetime,
    holder_uid: str,
    by: Actor,
    now: datetime,
    guest: GuestDetails = GuestDetails(),
) -> Booking:
    """Book a slot with any voucher of a batch that nobody holds.

    Raises what `book_slot` raises, and Conflict("batch_used_up") when none is left.
    """
    sample = _LEFT.first(batch=batch_id, now=now)
    if sample is None:
        raise Conflict("batch_used_up", _("The last of these vouchers has just gone."))
    calendar = calendar_of(sample)
    refuse_unless_offered(calendar, start, now)
    refuse_other_holder(holder_uid, by)
    with all_or_nothing(), places_guarded():
        # Vouchers that others are taking at this moment are passed over, not waited for.
        voucher = _LEFT_UNLOCKED.first(batch=batch_id, now=now) or _LEFT_LOCKED.first(batch=batch_id, now=now)
        if voucher is None:
            raise Conflict("batch_used_up", _("The last of these vouchers has just gone."))
        return take_slot(voucher, calendar, start, holder_uid, guest, by, now)


def take_slot(
    voucher: Voucher,
    calendar: Calendar,
    start: datetime,
    holder_uid: str,
    guest: GuestDetails,
    by: Actor,
    now: datetime,
) -> Booking:
    """Write a booking whose slot is on the calendar, in the caller's transaction, places guarded.

    Whether `by` may book for the holder is the caller's to know. Raises what `book_slot` raises.
    """
    was_open = not voucher.holder_uid
    if not was_open and voucher.holder_uid != holder_uid:
        raise Rejected("voucher_held", _("This voucher belongs to someone else."))
    booking = Booking(
        id=new_id("b", now),
        voucher=voucher,
        hotel=voucher.hotel,
        offer=voucher.offer,
        holder_uid=holder_uid,
        slot_start=start,
        slot_end=start + calendar.duration,
        created_at=now,
        voucher_was_open=was_open,
        guest_name=guest.name,
        guest_email=guest.email.lower(),
        guest_note=guest.note,
        language=guest.language,
        form_key=guest.form_key,
        remind_at=remind_at(start, guest.email, now=now),
    )
    refuse_invalid(booking)
    before = state_of(voucher)
    change_status(
        "book",
        voucher,
        Status.BOOKED,
        by=by,
        now=now,
        holder_uid=holder_uid,
        expires_at=expiry_of(voucher, calendar, start),
    )
    if voucher.offer is not None and not by.acts_for_hotel:
        refuse_hoarding(voucher.offer, holder_uid, guest.email, now)
    insert(booking)
    end_holds_of(booking)
    record([change_of(voucher, "book", before=before, extra=_facts(booking))], by=by, now=now)
    owe_mail(booking, MailKind.BOOKED, by=by, now=now)
    return booking


def move_booking(*, booking_id: str, start: datetime, by: Actor, now: datetime) -> Booking:
    """Move a booking to the slot that starts at `start`, in one step.

    Moving to the slot that it has changes nothing.

    Raises what `book_slot` raises of voucher and slot; Rejected("change_too_late") for a guest
    after the notice; Conflict("booking_cancelled"), Conflict("booking_changed").
    """
    booking = booking_with_voucher(booking_id)
    voucher = booking.voucher
    refuse_cancelled(booking)
    refuse_unless("move", voucher, by=by, now=now)
    if start == booking.slot_start:
        return booking
    refuse_late(booking, by, now)
    calendar = calendar_of(voucher)
    refuse_unless_offered(calendar, start, now)
    with all_or_nothing(), places_guarded():
        change_status(
            "move",
            voucher,
            Status.BOOKED,
            by=by,
            now=now,
            expires_at=expiry_of(voucher, calendar, start),
        )
        as_read = {"id": booking.pk, "status": BookingStatus.BOOKED, "revision": booking.revision}
        before = {**state_of(voucher), **_slot_facts(booking)}
        booking.slot_start, booking.slot_end = start, start + calendar.duration
        booking.revision += 1
        booking.moved_at = now
        # Whoever is here now may not be for the other time.
        booking.arrived_at = None
        booking.remind_at = remind_at(start, booking.guest_email, now=now)
        changed = ("slot_start", "slot_end", "revision", "moved_at", "arrived_at", "remind_at")
        if not update(Booking, {name: getattr(booking, name) for name in changed}, **as_read):
            raise Conflict("booking_changed", _("This booking was changed just now."))
        end_holds_of(booking)
        record([change_of(voucher, "move", before=before, extra=_facts(booking))], by=by, now=now)
        owe_mail(booking, MailKind.MOVED, by=by, now=now)
    return booking


def cancel_booking(*, booking_id: str, by: Actor, now: datetime, reason: str = "") -> Booking:
    """Cancel a booking: its place is free and its voucher can be booked again.

    Cancelling a cancelled booking changes nothing.

    Raises what `change_status` raises ("voucher_consumed", "voucher_expired" …),
    Rejected("change_too_late") for a guest after the notice, Rejected("reason_too_long" | "reason_invalid").
    """
    with all_or_nothing():
        lock_voucher_of(booking_id)
        booking = booking_with_voucher(booking_id)
        if not booking.is_standing:
            return booking
        refuse_unless("cancel", booking.voucher, by=by, now=now)
        refuse_late(booking, by, now)
        _release(booking, "cancel", Status.ISSUED, reason=reason, by=by, now=now)
    return booking


@transaction.atomic
def withdraw_voucher(*, voucher_id: str, by: Actor, now: datetime, reason: str = "") -> Voucher:
    """Withdraw a voucher for good; a live booking of it is cancelled with it.

    Raises what `change_status` raises, and Rejected("reason_too_long" | "reason_invalid").
    """
    # Locked before its booking is read, as in `lock_voucher_of`.
    locked = Voucher.objects.select_for_update(no_key=True, of=("self",))
    voucher = locked.select_related("hotel", "offer").get(pk=voucher_id)
    refuse_unless("withdraw", voucher, by=by, now=now)
    booking = Booking.objects.standing().filter(voucher=voucher).first()
    if booking is not None and voucher.status == Status.BOOKED:
        booking.voucher = voucher
        _release(booking, "withdraw", Status.CANCELLED, reason=reason, by=by, now=now)
        return voucher
    before = state_of(voucher)
    refuse_reason(reason)
    change_status("withdraw", voucher, Status.CANCELLED, by=by, now=now)
    record([change_of(voucher, "withdraw", before=before, extra={"reason": reason})], by=by, now=now)
    return voucher


def _release(booking: Booking, verb: str, target: Status, *, reason: str, by: Actor, now: datetime) -> None:
    """Cancel a standing booking and move its voucher to `target`, in the caller's transaction."""
    refuse_reason(reason)
    voucher = booking.voucher
    before = state_of(voucher)
    reopens = target == Status.ISSUED and booking.voucher_was_open
    change_status(
        verb,
        voucher,
        target,
        by=by,
        now=now,
        holder_uid="" if reopens else None,
        expires_at=voucher.valid_until,
    )
    booking.status, booking.cancelled_at, booking.cancel_reason = (
        BookingStatus.CANCELLED,
        now,
        reason,
    )
    changes = {"status": booking.status, "cancelled_at": now, "cancel_reason": reason}
    update(Booking, changes, id=booking.pk, status=BookingStatus.BOOKED)
    # A guest's own words stay with the booking, where they can be erased: the journal is for ever.
    said = {"reason": reason} if by.acts_for_hotel else {}
    record(
        [change_of(voucher, verb, before=before, extra={**_facts(booking), **said})],
        by=by,
        now=now,
    )
    owe_mail(booking, MailKind.CANCELLED, by=by, now=now)


@transaction.atomic
def mark_no_show(*, booking_id: str, by: Actor, now: datetime) -> Booking:
    """Mark that the guest of a standing booking did not come; the voucher stays as it is.

    Raises Rejected("actor_not_allowed") for guests, Conflict("booking_cancelled"),
    Conflict("voucher_consumed") for a guest who came, Rejected("slot_not_begun").
    """
    lock_voucher_of(booking_id)
    booking = booking_with_voucher(booking_id)
    if not by.acts_for_hotel:
        raise Rejected("actor_not_allowed", _("Only the hotel can do this."))
    refuse_cancelled(booking)
    if booking.voucher.status == Status.CONSUMED:
        raise Conflict("voucher_consumed", _("This voucher has been used."))
    if now < booking.slot_start:
        raise Rejected("slot_not_begun", _("The time of this booking has not come yet."))
    if Booking.objects.standing().filter(pk=booking.pk, no_show_at=None).update(no_show_at=now):
        booking.no_show_at = now
        change = Change(
            type="booking.no_show",
            subject_type="booking",
            subject_id=booking.pk,
            issuer_uid=booking.hotel_id,
            before={"no_show": False},
            after={"no_show": True},
        )
        record([change], by=by, now=now)
    return booking


@contextmanager
def booking_as_shown(*, voucher_id: str, booking_id: str | None) -> Iterator[None]:
    """Let a verb change a voucher, and what stands on it, only while its booking is the one that was shown.

    `booking_id` is empty for a voucher that was shown without a booking; None asks for nothing. A cancelled
    booking's voucher may go to another guest, whom a press on the old page is not about.

    Raises Conflict("booking_changed"); a refusal has to leave the block.
    """
    if booking_id is None:
        yield
        return
    with taken_back_whole():
        # Locked before its booking is read, as in `lock_voucher_of`.
        Voucher.objects.select_for_update(no_key=True, of=("self",)).get(pk=voucher_id)
        standing = Booking.objects.standing().filter(voucher=voucher_id).values_list("pk", flat=True).first()
        if (standing or "") != booking_id:
            raise booking_not_shown()
        yield


def booking_not_shown() -> Conflict:
    """Return the refusal of what was pressed beside another booking than the voucher's own."""
    return Conflict(
        "booking_changed",
        _(
            "Nothing was done: the booking of this voucher is not the one that was shown here any more."
            " Find the guest again."
        ),
    )


_WITH_VOUCHER = Ready(
    lambda: (
        Booking.objects.select_related("voucher__hotel", "voucher__offer").filter(pk=Given("key")).order_by()
    )
)
_LOCKED_VOUCHER = Ready(
    lambda: (
        Voucher.objects.select_for_update(no_key=True, of=("self",))
        .filter(bookings=Given("key"))
        .order_by()
        .values_list("pk")
    )
)


def booking_with_voucher(booking_id: str) -> Booking:
    """Return a booking with all that decides what may be done with it."""
    return _WITH_VOUCHER.get(key=booking_id)


def lock_voucher_of(booking_id: str) -> None:
    """Let no other change of this booking or its voucher in until the caller's transaction ends.

    Only what is read after this is as it stays. Otherwise a booking that is read could be
    cancelled, and its voucher booked again by the same guest, before the voucher's row is
    changed: that row would look as it was read, and the new booking would stand on an issued
    voucher.
    """
    _LOCKED_VOUCHER.values(key=booking_id)


def expiry_of(voucher: Voucher, calendar: Calendar, start: datetime) -> datetime:
    """Return when a booked voucher expires: its validity, or the hotel's day of its slot if later."""
    return max(voucher.valid_until, day_bounds(calendar.day_of(start), calendar.zone)[1])


def _slot_facts(booking: Booking) -> dict[str, Any]:
    return {"slot_start": booking.slot_start.isoformat(), "slot_end": booking.slot_end.isoformat()}


def _facts(booking: Booking) -> dict[str, Any]:
    """Return what the journal keeps of a booking: no name, no e-mail address."""
    return {"booking_id": booking.pk, "slot_id": booking.slot_id, **_slot_facts(booking)}
