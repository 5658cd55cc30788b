"""Verbs that erase the person from bookings; what the hotel needs for its books stays."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from bookings.models import Booking, BookingQuerySet, Mail
from events.domain import Change, record
from portal.actors import Actor
from portal.errors import Conflict

_AT_ONCE = 500


@transaction.atomic
def forget_guest(*, guest_uid: str, by: Actor, now: datetime) -> int:
    """Erase name, e-mail address, notes and mails from all bookings of a guest; returns how many.

    The slots and their vouchers stay, without a person.

    Raises Conflict("bookings_upcoming") while the guest still has a live booking, which
    the hotel could not honour without a name.
    """
    bookings = Booking.objects.held_by(guest_uid)
    if bookings.live(now).exists():
        raise Conflict(
            "bookings_upcoming", _("Cancel your upcoming bookings first, or wait until they are over.")
        )
    return _erase(bookings.remembered(), by, now)


@transaction.atomic
def forget_old_bookings(*, ended_before: datetime, by: Actor, now: datetime) -> int:
    """Erase the person from up to 500 bookings that ended before a moment; returns how many.

    Call again until it returns 0.
    """
    ended = Booking.objects.remembered().filter(slot_end__lt=ended_before).order_by("slot_end")
    keys = list(ended.values_list("pk", flat=True)[:_AT_ONCE])
    return _erase(Booking.objects.remembered().filter(pk__in=keys), by, now)


def _erase(bookings: BookingQuerySet, by: Actor, now: datetime) -> int:
    rows = list(bookings.order_by("pk").select_for_update(no_key=True).values_list("pk", "hotel_id"))
    keys = [pk for pk, _hotel in rows]
    _erase_rows(keys, now)
    changes = [
        Change(
            type="booking.forget",
            subject_type="booking",
            subject_id=pk,
            issuer_uid=hotel_id,
            before={"personal_data": True},
            after={"personal_data": False},
        )
        for pk, hotel_id in rows
    ]
    record(changes, by=by, now=now)
    return len(keys)


def _erase_rows(keys: Collection[str], now: datetime) -> None:
    Mail.objects.filter(booking__in=keys).delete()
    Booking.objects.filter(pk__in=keys).update(
        guest_name="", guest_email="", guest_note="", cancel_reason="", form_key=None, forgotten_at=now
    )
