"""What the mails to guests say: written out when a worker sends them."""

from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from bookings.ics import calendar_file
from bookings.models import Mail, MailKind
from portal import formats
from presence.domain import make_guest_link_token


def compose(mail: Mail, *, now: datetime) -> EmailMultiAlternatives:
    """Write a mail out in its guest's language, from the booking as it stands."""
    booking = mail.booking
    with translation.override(booking.language):
        context = {
            "mail": mail,
            "booking": booking,
            "voucher": booking.voucher,
            "hotel": booking.hotel,
            "zone": booking.hotel.zone,
            "booking_url": absolute(reverse("bookings:booking", args=(booking.pk,))),
            "portal_url": absolute("/"),
            "guest_url": absolute(
                reverse("bookings:guest_link", args=(make_guest_link_token(booking.holder_uid),))
            ),
            "when": formats.slot_words(booking.slot_start, booking.slot_end, booking.hotel.zone),
        }
        subject = render_to_string("bookings/mail_subject.txt", context)
        message = EmailMultiAlternatives(
            subject=" ".join(subject.split()),
            body=render_to_string("bookings/mail_body.txt", context),
            to=[mail.recipient],
            reply_to=[booking.hotel.email] if booking.hotel.email else None,
            # The same mail tried twice has the same id, so that mail programs show it once.
            headers={"Message-ID": f"<mail-{mail.pk}.{booking.pk}@{_host()}>"},
        )
        message.attach_alternative(render_to_string("bookings/mail_body.html", context), "text/html")
        if mail.kind in (MailKind.BOOKED, MailKind.MOVED):
            message.attach("booking.ics", calendar_file(booking, now=now), "text/calendar")
    return message


def absolute(path: str) -> str:
    """Return an address as guests reach it from outside."""
    return f"{settings.PUBLIC_URL}{path}"


def _host() -> str:
    return urlsplit(settings.PUBLIC_URL).hostname or "localhost"
