"""The mails that are owed to guests: noted with the change that owes them, sent after its commit."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from bookings.models import Booking, Mail, MailKind
from bookings.tasks import send_mail
from portal.actors import Actor, guest
from portal.errors import Conflict, Rejected
from portal.ready import adapted, insert, insert_if, statement
from vouchers.models import Hotel

# Anyone can ask for a link to any address: that must not use up the mails of its bookings.
LINKS_PER_HOUR = 3
# Each half has an index of its own.
_FEW_MAILS = """
(SELECT COUNT(*) FROM bookings_mail WHERE recipient = %s AND created_at > %s) < %s
AND (SELECT COUNT(*) FROM bookings_mail WHERE guest_uid = %s AND created_at > %s) < %s
"""


def owe_mail(booking: Booking, kind: MailKind, *, by: Actor, now: datetime) -> Mail | None:
    """Note in the caller's transaction that a guest is owed a mail; a worker sends it later.

    Returns None where no mail is owed: no address was given, or the address or the guest
    has had as many mails in the last hour as the settings allow. That a hotel has moved or
    cancelled a booking is told all the same, and so are reminders: nobody can use them up before.
    """
    if not booking.guest_email:
        return None
    mail = Mail(
        kind=kind,
        hotel_id=booking.hotel_id,
        booking=booking,
        recipient=booking.guest_email,
        guest_uid=booking.holder_uid,
        created_at=now,
    )
    is_the_hotels = by.acts_for_hotel and kind in (MailKind.MOVED, MailKind.CANCELLED)
    if is_the_hotels or kind == MailKind.REMINDER:
        insert(mail)
    elif not insert_if(mail, _FEW_MAILS, _few_for(mail.recipient, mail.guest_uid, now)):
        return None
    send_mail.enqueue(mail.pk)
    return mail


def owe_offer(
    *,
    hotel: Hotel,
    recipient: str,
    guest_uid: str,
    facts: Mapping[str, Any],
    useless_at: datetime,
    now: datetime,
) -> Mail:
    """Note in the caller's transaction that a guest is owed a mail with an offer; a worker sends it.

    `facts` are the words that it fills in: see `bookings.mails`. It is not sent after `useless_at`.
    No hourly limit keeps it back: a guest who waits has to be told, and may wait for little.
    """
    mail = Mail.objects.create(
        kind=MailKind.OFFER,
        hotel=hotel,
        recipient=recipient,
        guest_uid=guest_uid,
        facts=dict(facts),
        useless_at=useless_at,
        created_at=now,
    )
    send_mail.enqueue(mail.pk)
    return mail


def forget_offers(guest_uid: str) -> None:
    """Delete the mails with offers to a guest, sent or not."""
    Mail.objects.filter(kind=MailKind.OFFER, guest_uid=guest_uid).delete()


def is_limited(address: str, guest_uid: str, *, now: datetime) -> bool:
    """Tell whether an address or a guest has had its mails for this hour."""
    told = [adapted(connection, value) for value in _few_for(address, guest_uid, now)]
    with statement(connection) as cursor:
        cursor.execute(f"SELECT {_FEW_MAILS}", told)
        (are_few,) = cursor.fetchone()
    return not are_few


def _few_for(address: str, guest_uid: str, now: datetime) -> list[Any]:
    """Return the values of `_FEW_MAILS`: who is mailed, since when, how often at most."""
    since = now - timedelta(hours=1)
    per_address, per_guest = settings.MAILS_PER_ADDRESS_PER_HOUR, settings.MAILS_PER_GUEST_PER_HOUR
    return [address, since, per_address, guest_uid, since, per_guest]


@transaction.atomic
def owe_link(email: str, *, now: datetime) -> None:
    """Note that the guest who last booked with an address is owed a mail with their guest link.

    Does nothing, and tells nobody, when the address has no booking or has had its mails.
    """
    address = email.lower()
    links = Mail.objects.filter(recipient=address, kind=MailKind.LINK)
    if links.filter(created_at__gt=now - timedelta(hours=1)).count() >= LINKS_PER_HOUR:
        return
    booking = (
        Booking.objects.select_related("voucher", "hotel", "offer")
        .filter(guest_email=address)
        .order_by("-pk")
        .first()
    )
    if booking is not None:
        owe_mail(booking, MailKind.LINK, by=guest(booking.holder_uid), now=now)


@transaction.atomic
def owe_booking_mail(*, booking_id: str, by: Actor, now: datetime) -> Mail:
    """Owe a guest once more the e-mail that tells how a booking stands: that it is had, moved or cancelled.

    Raises Rejected("mail_not_addressed") when the guest left no address, Rejected("mail_limited") when
    the address or the guest has had as many mails in the last hour as the settings allow.
    """
    booking = Booking.objects.select_related("voucher", "hotel", "offer").get(pk=booking_id)
    if not booking.guest_email:
        raise Rejected("mail_not_addressed", _("The guest left no e-mail address."))
    if is_limited(booking.guest_email, booking.holder_uid, now=now):
        raise Rejected("mail_limited", _("This guest has had many e-mails in the last hour. Try later."))
    kind = MailKind.MOVED if booking.revision else MailKind.BOOKED
    mail = owe_mail(booking, kind if booking.is_standing else MailKind.CANCELLED, by=by, now=now)
    if mail is None:
        raise Rejected("mail_limited", _("This guest has had many e-mails in the last hour. Try later."))
    return mail


@transaction.atomic
def owe_again(mail_id: int, *, now: datetime) -> None:
    """Owe a mail again that was given up; it is tried for as long as a new one.

    Raises Conflict("mail_not_given_up") for one that was sent, or is still being tried.
    """
    given_up = Mail.objects.filter(pk=mail_id, sent_at=None, failed_at__isnull=False)
    if not given_up.update(failed_at=None, attempts=0, created_at=now):
        raise Conflict("mail_not_given_up", _("Only a mail that was given up can be sent again."))
    send_mail.enqueue(mail_id)
