"""Bookings that come over from the system that this one replaces."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from bookings.models import Booking
from events.domain import Change, record
from portal.actors import Actor
from portal.ready import insert_many


@transaction.atomic
def import_bookings(bookings: Sequence[Booking], *, by: Actor, now: datetime) -> None:
    """Store bookings of another system with their ids and times, each with an event of its own.

    The caller has checked them, and that each live one is the only one of its booked or
    consumed voucher; the database refuses what breaks that.
    """
    insert_many(bookings)
    changes = [
        Change(
            type="booking.import",
            subject_type="booking",
            subject_id=booking.pk,
            issuer_uid=booking.hotel_id,
            before={},
            after={"status": booking.status, "slot_id": booking.slot_id},
            extra={"voucher_id": booking.voucher_id},
        )
        for booking in bookings
    ]
    record(changes, by=by, now=now)
