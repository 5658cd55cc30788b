"""What the mails to guests say: written out when a worker sends them."""

from datetime import datetime
from email.mime.text import MIMEText
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from bookings.ics import Method, calendar_file, host
from bookings.models import Booking, Mail, MailKind
from portal import formats
from presence.domain import make_guest_link_token

_METHODS = {
    MailKind.BOOKED: Method.REQUEST,
    MailKind.MOVED: Method.REQUEST,
    MailKind.CANCELLED: Method.CANCEL,
}


def compose(mail: Mail, *, now: datetime) -> EmailMultiAlternatives:
    """Write a mail out in its guest's language, from the booking as it stands."""
    if mail.booking is None:
        return _offer(mail)
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
            "guest_url": _guest_url(booking.holder_uid),
            "when": formats.slot_words(booking.slot_start, booking.slot_end, booking.hotel.zone),
        }
        message = _message(mail, "mail", booking.pk, context)
        if mail.kind in _METHODS:
            message.attach(_invitation(mail, booking, now))
    return message


def _invitation(mail: Mail, booking: Booking, now: datetime) -> MIMEText:
    """Return what calendar programs understand of a mail: its type names the method (RFC 6047)."""
    method = _METHODS[MailKind(mail.kind)]
    part = MIMEText(calendar_file(booking, now=now, method=method).decode(), "calendar", "utf-8")
    part.set_param("method", method.value)
    part.add_header("Content-Disposition", "attachment", filename="booking.ics")
    return part


def _offer(mail: Mail) -> EmailMultiAlternatives:
    """Write out the offer of a freed place, from the facts that were noted with it."""
    facts, zone = mail.facts, mail.hotel.zone
    start, end, until = (datetime.fromisoformat(facts[name]) for name in ("start", "end", "until"))
    with translation.override(facts["language"]):
        context = {
            "facts": facts,
            "hotel": mail.hotel,
            "zone": zone,
            "offer_url": absolute(reverse(facts["page"], args=(facts["key"],))),
            "guest_url": _guest_url(mail.guest_uid),
            "when": formats.slot_words(start, end, zone),
            "until": until,
        }
        return _message(mail, "offer", facts["key"], context)


def _message(mail: Mail, name: str, key: str, context: dict[str, Any]) -> EmailMultiAlternatives:
    """Fill the templates of a kind of mail in."""
    subject = render_to_string(f"bookings/{name}_subject.txt", context)
    message = EmailMultiAlternatives(
        subject=" ".join(subject.split()),
        body=render_to_string(f"bookings/{name}_body.txt", context),
        to=[mail.recipient],
        reply_to=[mail.hotel.email] if mail.hotel.email else None,
        # The same mail tried twice has the same id, so that mail programs show it once.
        headers={"Message-ID": f"<mail-{mail.pk}.{key}@{host()}>"},
    )
    message.attach_alternative(render_to_string(f"bookings/{name}_body.html", context), "text/html")
    return message


def _guest_url(uid: str) -> str:
    return absolute(reverse("bookings:guest_link", args=(make_guest_link_token(uid),)))


def absolute(path: str) -> str:
    """Return an address as guests reach it from outside."""
    return f"{settings.PUBLIC_URL}{path}"
