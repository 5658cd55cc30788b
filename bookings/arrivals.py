"""The verbs of arriving: a guest tells the desk that they are here. With `domain`, the app's writers."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from bookings.domain import booking_with_voucher, lock_voucher_of
from bookings.models import Booking
from bookings.rules import arrivable_from, refuse_cancelled
from events.domain import Change, record
from portal.actors import Actor
from portal.errors import Rejected
from vouchers.domain import refuse_unless


@transaction.atomic
def mark_arrived(*, booking_id: str, by: Actor, now: datetime) -> Booking:
    """Note that the guest of a live booking is here; a second press changes nothing.

    Raises Conflict("booking_cancelled"), Conflict("voucher_consumed" | "voucher_expired" …) for a
    booking that is over, Rejected("arrival_too_soon") before the hotel's day of its slot,
    Rejected("holder_not_allowed") for another guest.
    """
    booking = _arriving(booking_id, by, now)
    if now < arrivable_from(booking):
        raise Rejected("arrival_too_soon", _("You can tell the hotel on the day of your booking."))
    if Booking.objects.standing().filter(pk=booking.pk, arrived_at=None).update(arrived_at=now):
        booking.arrived_at = now
        _tell("arrive", booking, is_here=True, by=by, now=now)
    return booking


@transaction.atomic
def unmark_arrived(*, booking_id: str, by: Actor, now: datetime) -> Booking:
    """Take back that the guest is here; changes nothing for one who is not.

    Raises what `mark_arrived` raises of the booking and its holder.
    """
    booking = _arriving(booking_id, by, now)
    if Booking.objects.filter(pk=booking.pk, arrived_at__isnull=False).update(arrived_at=None):
        booking.arrived_at = None
        _tell("unarrive", booking, is_here=False, by=by, now=now)
    return booking


def _arriving(booking_id: str, by: Actor, now: datetime) -> Booking:
    """Return a live booking that nobody else changes until the caller's transaction ends."""
    lock_voucher_of(booking_id)
    booking = booking_with_voucher(booking_id)
    if not by.acts_for_hotel and by.id != booking.holder_uid:
        raise Rejected("holder_not_allowed", _("This booking belongs to someone else."))
    refuse_cancelled(booking)
    # Whatever could not be moved any more is over for arriving too.
    refuse_unless("move", booking.voucher, by=by, now=now)
    return booking


def _tell(verb: str, booking: Booking, *, is_here: bool, by: Actor, now: datetime) -> None:
    change = Change(
        type=f"booking.{verb}",
        subject_type="booking",
        subject_id=booking.pk,
        issuer_uid=booking.hotel_id,
        before={"arrived": not is_here},
        after={"arrived": is_here},
    )
    record([change], by=by, now=now)
