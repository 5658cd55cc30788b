"""Guest links by mail, for guests who come from another device."""

from datetime import datetime

from django.db import transaction

from bookings.mails import owe_mail
from bookings.models import Booking, MailKind


@transaction.atomic
def owe_link(email: str, *, now: datetime) -> None:
    """Note that the guest who last booked with an address is owed a mail with their guest link.

    Does nothing, and tells nobody, when the address has no booking or has had its mails.
    """
    booking = (
        Booking.objects.select_related("voucher", "hotel", "offer")
        .filter(guest_email=email.lower())
        .order_by("-pk")
        .first()
    )
    if booking is not None:
        owe_mail(booking, MailKind.LINK, now=now)
