"""Work that a worker does after the commit."""

import logging
from datetime import datetime, timedelta

from django.utils import timezone
from django_tasks import task

from bookings.models import Booking, Mail, MailKind
from portal.jobs import give_connections_back
from portal.ready import Given, Ready, update

logger = logging.getLogger(__name__)

FIRST_DELAY = timedelta(minutes=1)
LONGEST_DELAY = timedelta(hours=6)
GIVE_UP_AFTER = timedelta(days=3)

_OWED = Ready(
    lambda: (
        Mail.objects.owed()
        .select_related("hotel", "booking__voucher", "booking__hotel", "booking__offer")
        .filter(pk=Given("key"))
        .order_by()
    )
)


@task()  # type: ignore[untyped-decorator]
def send_mail(mail_id: int) -> None:
    """Send a mail that is owed; after a failure, try again later, for three days.

    A worker that dies between sending and noting it makes the mail go out twice, with one
    Message-ID; none is lost.
    """
    # Every web process knows this job and none does it: the libraries of mails are the worker's alone.
    from bookings.mails import compose  # noqa: PLC0415 - see above

    mail = _OWED.first(key=mail_id)
    if mail is None:
        return
    now = timezone.now()
    if mail.useless_at is not None and mail.useless_at <= now:
        Mail.objects.filter(pk=mail.pk).update(sent_at=now, last_error="not sent: over since")
        return
    if _is_overtaken(mail, now):
        why = "changed or begun" if mail.kind == MailKind.REMINDER else "cancelled"
        Mail.objects.filter(pk=mail.pk).update(sent_at=now, last_error=f"not sent: {why} since")
        return
    try:
        message = compose(mail, now=now)
        # The server may take its time: a connection of the pool, where there is one, is others' meanwhile.
        give_connections_back()
        message.send()
    except Exception as error:
        # Whatever went wrong (a server that is away, a refused address) is worth another try:
        # the guest waits for this mail. The address stays out of the log.
        logger.warning("Mail %s failed at attempt %s: %s", mail.pk, mail.attempts + 1, type(error).__name__)
        _try_later(mail, error)
        return
    update(Mail, {"sent_at": timezone.now(), "attempts": mail.attempts + 1, "last_error": ""}, id=mail.pk)


def _is_overtaken(mail: Mail, now: datetime) -> bool:
    """Tell whether what a mail says was no longer so before it went out.

    A confirmation's booking was cancelled; what a reminder reminds of was cancelled, used, moved,
    or has begun.
    """
    if mail.kind == MailKind.REMINDER:
        has_moved = Mail.objects.filter(booking=mail.booking_id, kind=MailKind.MOVED, pk__gt=mail.pk).exists()
        coming = Booking.objects.live(now).filter(pk=mail.booking_id, slot_start__gt=now)
        return has_moved or not coming.exists()
    confirms = mail.kind in (MailKind.BOOKED, MailKind.MOVED)
    return confirms and not (mail.booking and mail.booking.is_standing)


def _try_later(mail: Mail, error: Exception) -> None:
    now = timezone.now()
    wait = min(FIRST_DELAY * 2**mail.attempts, LONGEST_DELAY)
    note = {"attempts": mail.attempts + 1, "last_error": f"{type(error).__name__}"[:300]}
    if now + wait - mail.created_at > GIVE_UP_AFTER:
        Mail.objects.filter(pk=mail.pk).update(failed_at=now, **note)
        logger.error("Mail %s is given up", mail.pk)
        return
    Mail.objects.filter(pk=mail.pk).update(**note)
    send_mail.using(run_after=now + wait).enqueue(mail.pk)
