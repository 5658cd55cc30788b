"""Reminders: a mail some hours before the slot, once for each time that a booking has."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from bookings.models import Booking, MailKind
from bookings.outbox import owe_mail
from events.domain import Change, record
from portal.actors import CLOCK

MOST_AT_ONCE = 500


def remind_at(start: datetime, email: str, *, now: datetime) -> datetime | None:
    """Return when a guest is to be reminded of a slot that is booked, or moved to, at `now`.

    None for nobody to remind, and for a slot that is so near that its confirmation reminds of it.
    """
    at = start - timedelta(hours=settings.REMINDER_HOURS)
    return at if email and settings.REMINDER_HOURS and at > now else None


def owe_reminders(now: datetime) -> int:
    """Owe the reminders whose time has come, at most MOST_AT_ONCE; returns how many.

    Any number of workers may do this at once: each reminder is owed once. None is owed for
    bookings that are cancelled, used or have begun.
    """
    due = Booking.objects.standing().filter(remind_at__lte=now)
    live = due.live(now).filter(slot_start__gt=now).select_related("voucher", "hotel", "offer")
    owed = sum(_owe(booking, now) for booking in live.order_by("remind_at")[:MOST_AT_ONCE])
    # Of these nobody is reminded any more: the guest is here, or it is too late.
    due.exclude(voucher__status="booked").update(remind_at=None)
    due.filter(slot_start__lte=now).update(remind_at=None)
    return owed


@transaction.atomic
def _owe(booking: Booking, now: datetime) -> bool:
    # Whoever takes the time away owes the reminder; a booking that was moved has another, or none.
    mine = Booking.objects.standing().filter(pk=booking.pk, remind_at=booking.remind_at)
    if not mine.filter(revision=booking.revision).update(remind_at=None):
        return False
    change = Change(
        type="booking.remind",
        subject_type="booking",
        subject_id=booking.pk,
        issuer_uid=booking.hotel_id,
        before={"reminded": False},
        after={"reminded": True},
    )
    record([change], by=CLOCK, now=now)
    owe_mail(booking, MailKind.REMINDER, by=CLOCK, now=now)
    return True
