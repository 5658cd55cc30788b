"""Sending mails: retried after failures, once each, not when overtaken."""

import smtplib
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django_tasks_db.models import DBTaskResult

from bookings.domain import cancel_booking, move_booking
from bookings.forgetting import forget_guest
from bookings.models import Booking, Mail
from bookings.outbox import owe_again
from bookings.tasks import FIRST_DELAY, GIVE_UP_AFTER, LONGEST_DELAY, send_mail
from portal.errors import Conflict
from tests.checks import unchanged
from tests.make import CLERK, GUEST, GUEST_UID, NOW, make_booking, make_offer, make_voucher
from tests.worker import work

pytestmark = pytest.mark.django_db

START = NOW + timedelta(days=1, hours=1)


class Server:
    """A mail server that can be away."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.tries: list[str] = []

    def take(self, messages: list[Any]) -> None:
        self.tries += [message.extra_headers["Message-ID"] for message in messages]
        if self.error is not None:
            raise self.error


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    """The mail server, which takes everything until it is told to fail."""
    found, deliver = Server(), EmailBackend.send_messages

    def send_messages(backend: EmailBackend, messages: list[Any]) -> int:
        found.take(messages)
        return int(deliver(backend, messages))

    monkeypatch.setattr(EmailBackend, "send_messages", send_messages)
    return found


@pytest.fixture
def booking(clock: time_machine.Traveller) -> Booking:
    """A booking that owes its guest a confirmation."""
    return make_booking(make_voucher(make_offer(max_per_guest=9)), start=START, email="ann@guest.example")


def next_try() -> datetime:
    return DBTaskResult.objects.get(status="READY").run_after


AWAY = [
    smtplib.SMTPServerDisconnected("gone"),
    smtplib.SMTPRecipientsRefused({"ann@guest.example": (550, b"unknown")}),
    smtplib.SMTPAuthenticationError(535, b"no"),
    ConnectionRefusedError(111, "refused"),
    TimeoutError("slow"),
    UnicodeEncodeError("ascii", "ä", 0, 1, "no"),
]


def test_a_mail_that_is_owed_is_sent_and_noted(booking: Booking, server: Server) -> None:
    work()
    sent = Mail.objects.get()
    assert [message.to for message in mail.outbox] == [["ann@guest.example"]]
    assert (sent.sent_at, sent.attempts, sent.failed_at, sent.last_error) == (NOW, 1, None, "")


def test_a_mail_is_sent_once_however_often_its_job_runs(booking: Booking, server: Server) -> None:
    work()
    send_mail.call(Mail.objects.get().pk)
    send_mail.enqueue(Mail.objects.get().pk)
    work()
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("error", AWAY, ids=lambda error: type(error).__name__)
def test_after_a_failure_it_is_tried_again_later(
    booking: Booking, server: Server, clock: Any, error: Exception
) -> None:
    server.error = error
    work()
    failed = Mail.objects.get()
    assert (failed.sent_at, failed.attempts, failed.failed_at) == (None, 1, None)
    assert failed.last_error == type(error).__name__
    assert next_try() == NOW + FIRST_DELAY
    server.error = None
    work()
    assert mail.outbox == []
    clock.shift(FIRST_DELAY)
    work()
    sent = Mail.objects.get()
    assert len(mail.outbox) == 1
    assert (sent.sent_at, sent.attempts, sent.last_error) == (NOW + FIRST_DELAY, 2, "")


def test_a_mail_keeps_its_id_over_all_tries(booking: Booking, server: Server, clock: Any) -> None:
    server.error = AWAY[0]
    for _time in range(4):
        work()
        clock.move_to(next_try())
    server.error = None
    work()
    assert len(server.tries) == 5
    assert len(set(server.tries)) == 1
    assert mail.outbox[0].extra_headers["Message-ID"] == server.tries[0]


def test_tries_come_ever_later_and_end_after_three_days(booking: Booking, server: Server, clock: Any) -> None:
    server.error = AWAY[0]
    waits, last = [], NOW
    work()
    while DBTaskResult.objects.filter(status="READY").exists():
        waits.append(next_try() - last)
        last = next_try()
        clock.move_to(last)
        work()
    assert waits[:4] == [FIRST_DELAY, 2 * FIRST_DELAY, 4 * FIRST_DELAY, 8 * FIRST_DELAY]
    assert max(waits) == LONGEST_DELAY == waits[-1]
    assert GIVE_UP_AFTER - LONGEST_DELAY < last - NOW <= GIVE_UP_AFTER
    given_up = Mail.objects.get()
    assert given_up.sent_at is None
    assert given_up.failed_at == last
    assert given_up.attempts == len(waits) + 1
    server.error = None
    clock.shift(timedelta(days=1))
    work()
    send_mail.call(given_up.pk)
    assert mail.outbox == []


def test_a_mail_that_was_given_up_can_be_owed_again(booking: Booking, server: Server, clock: Any) -> None:
    Mail.objects.update(failed_at=NOW, attempts=20)
    DBTaskResult.objects.all().delete()
    clock.shift(timedelta(days=5))
    later = NOW + timedelta(days=5)
    owe_again(Mail.objects.get().pk, now=later)
    server.error = AWAY[0]
    work()
    assert next_try() == later + FIRST_DELAY
    with unchanged(), pytest.raises(Conflict):
        owe_again(Mail.objects.get().pk, now=later)


def test_the_log_tells_of_a_failure_without_the_address(
    booking: Booking, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.error = AWAY[1]
    work()
    assert "SMTPRecipientsRefused" in caplog.text
    assert "ann" not in caplog.text
    assert "ann" not in Mail.objects.get().last_error


def test_a_confirmation_that_a_cancellation_overtook_is_not_sent(booking: Booking, server: Server) -> None:
    cancel_booking(booking_id=booking.pk, by=CLERK, now=NOW)
    work()
    assert [message.subject.split(":")[0] for message in mail.outbox] == ["Cancelled"]
    assert Mail.objects.get(kind="booked").last_error == "not sent: cancelled since"


def test_a_failed_confirmation_is_not_sent_after_a_cancellation(
    booking: Booking, server: Server, clock: Any
) -> None:
    server.error = AWAY[0]
    work()
    server.error = None
    clock.shift(FIRST_DELAY)
    cancel_booking(booking_id=booking.pk, by=CLERK, now=NOW + FIRST_DELAY)
    work()
    assert [message.subject.split(":")[0] for message in mail.outbox] == ["Cancelled"]


def test_a_confirmation_that_is_late_names_the_time_that_holds_now(
    booking: Booking, server: Server, clock: Any
) -> None:
    move_booking(booking_id=booking.pk, start=START + timedelta(hours=2), by=GUEST, now=NOW)
    work()
    assert len(mail.outbox) == 2
    for message in mail.outbox:
        assert "12:00–13:00" in message.subject
        assert "10:00" not in message.body


def test_a_guest_who_was_forgotten_is_sent_nothing(booking: Booking, server: Server, clock: Any) -> None:
    cancel_booking(booking_id=booking.pk, by=GUEST, now=NOW)
    forget_guest(guest_uid=GUEST_UID, by=GUEST, now=NOW)
    work()
    assert mail.outbox == []
    assert set(DBTaskResult.objects.values_list("status", flat=True)) == {"SUCCESSFUL"}


def test_a_job_of_a_mail_that_does_not_exist_does_nothing(server: Server, clock: Any) -> None:
    send_mail.enqueue(12345)
    work()
    assert server.tries == []
    assert DBTaskResult.objects.get().status == "SUCCESSFUL"


def test_one_mail_that_fails_holds_no_other_up(booking: Booking, server: Server, clock: Any) -> None:
    other = make_booking(make_voucher(), email="bob@guest.example", holder_uid="thinker-bob")
    real = server.take

    def fail_for_ann(messages: list[Any]) -> None:
        server.error = AWAY[1] if messages[0].to == ["ann@guest.example"] else None
        real(messages)

    server.take = fail_for_ann  # type: ignore[method-assign]
    work()
    assert [message.to for message in mail.outbox] == [["bob@guest.example"]]
    assert Mail.objects.get(booking=other).sent_at == NOW
    assert Mail.objects.get(booking=booking).attempts == 1


def test_a_mail_goes_out_from_a_worker_and_not_from_the_change(booking: Booking, server: Server) -> None:
    assert server.tries == []
    assert DBTaskResult.objects.get().status == "READY"
