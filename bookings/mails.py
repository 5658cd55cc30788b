"""What the mails to guests say: written out when a worker sends them."""

from datetime import datetime
from email.mime.text import MIMEText

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from bookings.ics import Method, calendar_file, host
from bookings.models import Mail, MailKind
from portal import formats
from presence.domain import make_guest_link_token

_METHODS = {
    MailKind.BOOKED: Method.REQUEST,
    MailKind.MOVED: Method.REQUEST,
    MailKind.CANCELLED: Method.CANCEL,
}


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
            headers={"Message-ID": f"<mail-{mail.pk}.{booking.pk}@{host()}>"},
        )
        message.attach_alternative(render_to_string("bookings/mail_body.html", context), "text/html")
        if mail.kind in _METHODS:
            message.attach(_invitation(mail, now))
    return message


def _invitation(mail: Mail, now: datetime) -> MIMEText:
    """Return what calendar programs understand of a mail: its type names the method (RFC 6047)."""
    method = _METHODS[MailKind(mail.kind)]
    part = MIMEText(calendar_file(mail.booking, now=now, method=method).decode(), "calendar", "utf-8")
    part.set_param("method", method.value)
    part.add_header("Content-Disposition", "attachment", filename="booking.ics")
    return part


def absolute(path: str) -> str:
    """Return an address as guests reach it from outside."""
    return f"{settings.PUBLIC_URL}{path}"
