"""What a booking is refused for: each function raises, or lets pass."""

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from bookings.models import REASON_LENGTH, Booking
from bookings.slots import Calendar, is_on_calendar
from bookings.wallclock import day_bounds
from portal.actors import Actor
from portal.errors import Conflict, Rejected
from portal.ready import Given, Ready
from vouchers.models import Offer, Voucher
from vouchers.states import Status
from vouchers.validators import is_storable


def refuse_invalid(booking: Booking) -> None:
    """Raise Rejected("booking_invalid") naming the fields whose values cannot be stored."""
    texts = ("holder_uid", "guest_name", "guest_email", "guest_note")
    names = {name for name in texts if not is_storable(getattr(booking, name))}
    try:
        booking.clean_fields(exclude={"voucher", "hotel", "offer"})
    except ValidationError as error:
        names |= error.message_dict.keys()
    if names:
        raise Rejected(
            "booking_invalid", _("These cannot be stored: %(names)s"), names=", ".join(sorted(names))
        )


def refuse_other_holder(holder_uid: str, by: Actor) -> None:
    """Raise Rejected("holder_not_allowed") for a booking for nobody, or by a guest for another."""
    if not holder_uid or (not by.acts_for_hotel and by.id != holder_uid):
        raise Rejected("holder_not_allowed", _("A guest books for themselves."))


def refuse_unless_offered(calendar: Calendar, start: datetime, now: datetime) -> None:
    """Raise unless a slot starts at `start` that can still be booked at `now`; places aside."""
    if start < now + calendar.min_notice:
        raise Rejected("slot_too_soon", _("It is too late to book this time."))
    if start < calendar.valid_from or start > calendar.valid_until - calendar.duration:
        raise Rejected("slot_outside_validity", _("The voucher is not valid at this time."))
    if not is_on_calendar(calendar, start):
        raise Rejected("slot_not_offered", _("This time is not on the calendar."))


_LOCKED_OFFER = Ready(
    lambda: Offer.objects.select_for_update(no_key=True).order_by().filter(pk=Given("key")).values_list("pk")
)


def _standing(**of: Given) -> QuerySet[Booking, tuple[str]]:
    return Booking.objects.standing().filter(offer=Given("offer"), **of).order_by().values_list("voucher_id")


_STANDING_OF_GUEST = Ready(lambda: _standing(holder_uid=Given("holder")))
_STANDING_OF_EMAIL = Ready(lambda: _standing(guest_email=Given("email")).exclude(guest_email=""))


def refuse_hoarding(offer: Offer, holder_uid: str, email: str, now: datetime) -> None:
    """Refuse a guest who has as many live bookings of an offer as it allows, by uid or address.

    Raises Conflict("guest_limit_reached").
    """
    # The guard of places takes the same lock a moment later: two bookings of one guest at
    # once count one after the other. (SQLite has one writer anyway.)
    _LOCKED_OFFER.values(key=offer.pk)
    found = _STANDING_OF_GUEST.values(offer=offer.pk, holder=holder_uid)
    if email:
        # Two statements, not an OR: each has an index of its own on both databases.
        found += _STANDING_OF_EMAIL.values(offer=offer.pk, email=email.lower())
    voucher_ids = {voucher_id for (voucher_id,) in found}
    number = len(voucher_ids)
    if number >= offer.max_per_guest:
        # Bookings that are over or used still stand, but count no more.
        number = Voucher.objects.filter(pk__in=voucher_ids).shown_as(Status.BOOKED, now).count()
    if number >= offer.max_per_guest:
        raise Conflict(
            "guest_limit_reached",
            _("You have a booking of this already. Cancel it first, or move it to another time."),
        )


def refuse_cancelled(booking: Booking) -> None:
    """Raise Conflict("booking_cancelled") for a booking that no longer stands."""
    if not booking.is_standing:
        raise Conflict("booking_cancelled", _("This booking has been cancelled."))


def refuse_late(booking: Booking, by: Actor, now: datetime) -> None:
    """Raise Rejected("change_too_late") for a guest after the notice; staff may always."""
    if not by.acts_for_hotel and now > changeable_until(booking):
        raise Rejected("change_too_late", _("It is too late to change this booking. Please call the hotel."))


def refuse_reason(reason: str) -> None:
    """Raise Rejected("reason_too_long" | "reason_invalid") for a reason that cannot be stored."""
    if len(reason) > REASON_LENGTH:
        raise Rejected("reason_too_long", _("Please give a shorter reason."))
    if not is_storable(reason):
        raise Rejected("reason_invalid", _("The reason has characters that cannot be stored."))


def arrivable_from(booking: Booking) -> datetime:
    """Return from when on a guest can say that they are here: the hotel's day of the slot begins.

    For a slot soon after midnight it is two hours before.
    """
    zone = booking.hotel.zone
    day = booking.slot_start.astimezone(zone).date()
    return min(day_bounds(day, zone)[0], booking.slot_start - timedelta(hours=2))


def changeable_until(booking: Booking) -> datetime:
    """Return until when the guest may cancel or move a booking."""
    return booking.slot_start - timedelta(minutes=booking.voucher.cancel_notice_minutes)
