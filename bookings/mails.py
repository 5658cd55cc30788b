"""The mails that bookings owe to guests: written down with the change, sent after the commit."""

from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import Count, Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from bookings.ics import calendar_file
from bookings.models import Booking, Mail, MailKind
from bookings.tasks import send_mail
from portal import formats
from portal.errors import Conflict
from presence.domain import make_guest_link_token


def owe_mail(booking: Booking, kind: MailKind, *, now: datetime) -> Mail | None:
    """Note in the caller's transaction that a guest is owed a mail; a worker sends it later.

    Returns None where no mail is owed: no address was given, or the address or the guest
    has had as many mails in the last hour as the settings allow.
    """
    if not booking.guest_email or is_limited(booking.guest_email, booking.holder_uid, now=now):
        return None
    mail = Mail.objects.create(
        kind=kind,
        booking=booking,
        recipient=booking.guest_email,
        guest_uid=booking.holder_uid,
        created_at=now,
    )
    send_mail.enqueue(mail.pk)
    return mail


def is_limited(address: str, guest_uid: str, *, now: datetime) -> bool:
    """Tell whether an address or a guest has had its mails for this hour."""
    to_address, of_guest = Q(recipient=address), Q(guest_uid=guest_uid)
    numbers = Mail.objects.filter(to_address | of_guest, created_at__gt=now - timedelta(hours=1)).aggregate(
        to=Count("pk", filter=to_address), by=Count("pk", filter=of_guest)
    )
    return bool(
        numbers["to"] >= settings.MAILS_PER_ADDRESS_PER_HOUR
        or numbers["by"] >= settings.MAILS_PER_GUEST_PER_HOUR
    )


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


@transaction.atomic
def owe_again(mail_id: int, *, now: datetime) -> None:
    """Owe a mail again that was given up; it is tried for as long as a new one.

    Raises Conflict("mail_not_given_up") for one that was sent, or is still being tried.
    """
    given_up = Mail.objects.filter(pk=mail_id, sent_at=None, failed_at__isnull=False)
    if not given_up.update(failed_at=None, attempts=0, created_at=now):
        raise Conflict("mail_not_given_up", _("Only a mail that was given up can be sent again."))
    send_mail.enqueue(mail_id)
