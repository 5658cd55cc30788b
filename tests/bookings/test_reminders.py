"""Reminders: once for each time that a booking has, and none that would be wrong."""

import importlib
import threading
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.core import mail
from django.db import connection, connections

from bookings import reminders
from bookings.domain import cancel_booking, move_booking, withdraw_voucher
from bookings.mails import compose
from bookings.models import Booking, Mail
from bookings.reminders import owe_reminders
from events.models import Event
from tests.checks import unchanged
from tests.make import CLERK, GUEST, NOW, OTHER_UID, make_booking, make_offer, make_voucher
from tests.patience import PATIENCE_SECONDS
from tests.worker import work
from vouchers.domain import redeem_voucher

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
START = NOW + timedelta(days=3, hours=1)
DUE = START - timedelta(hours=24)


def booked(**fields: Any) -> Booking:
    voucher = make_voucher(make_offer(max_per_guest=99))
    return make_booking(voucher, **{"start": START, "email": "ann@guest.example", **fields})


def reminded() -> list[str]:
    return list(Mail.objects.filter(kind="reminder").values_list("booking_id", flat=True))


def sent_at(now: datetime) -> list[str]:
    """Run the queue at a moment; returns the subjects of what was sent."""
    mail.outbox.clear()
    with time_machine.travel(now, tick=False):
        work()
    return [message.subject for message in mail.outbox]


def test_a_guest_is_reminded_a_day_before_once_and_the_journal_knows() -> None:
    booking = booked()
    assert owe_reminders(DUE - timedelta(seconds=1)) == 0
    assert owe_reminders(DUE) == 1
    assert owe_reminders(DUE) == 0
    assert reminded() == [booking.pk]
    event = Event.objects.get(type="booking.remind")
    assert (event.subject_id, event.actor_id, event.issuer_uid) == (booking.pk, "clock", booking.hotel_id)


def test_a_reminder_says_what_and_when_and_brings_the_guests_links() -> None:
    booking = booked(name="Ann Visser")
    owe_reminders(DUE)
    message = compose(Mail.objects.get(kind="reminder"), now=DUE)
    assert message.subject == "Reminder: Spa hour, Thu 5 Mar, 10:00–11:00"
    assert "this reminds you of your booking." in message.body
    assert f"/booking/{booking.pk}/" in message.body


@pytest.mark.parametrize(
    ("booked_at", "is_owed"), [(DUE - timedelta(seconds=1), True), (DUE, False), (DUE + HOUR, False)]
)
def test_who_books_less_than_a_day_before_is_not_reminded(booked_at: datetime, is_owed: bool) -> None:
    booked(now=booked_at)
    assert owe_reminders(START - HOUR) == is_owed


def test_who_gave_no_address_is_not_reminded() -> None:
    booked(email="")
    assert owe_reminders(DUE) == 0


def test_nobody_is_reminded_where_it_is_switched_off(settings: Any) -> None:
    settings.REMINDER_HOURS = 0
    booked()
    assert owe_reminders(DUE) == 0


def test_a_hotel_chooses_how_long_before(settings: Any) -> None:
    settings.REMINDER_HOURS = 48
    booked()
    assert owe_reminders(START - timedelta(hours=48)) == 1


def test_nobody_is_reminded_of_what_was_cancelled() -> None:
    booking = booked()
    cancel_booking(booking_id=booking.pk, by=GUEST, now=NOW)
    assert owe_reminders(DUE) == 0


def test_nobody_is_reminded_of_a_voucher_that_was_withdrawn_or_used() -> None:
    withdrawn, used = booked(), booked(holder_uid=OTHER_UID)
    withdraw_voucher(voucher_id=withdrawn.voucher_id, by=CLERK, now=NOW)
    redeem_voucher(voucher_id=used.voucher_id, by=CLERK, now=NOW)
    assert owe_reminders(DUE) == 0
    assert Booking.objects.get(pk=used.pk).remind_at is None


def test_a_booking_that_was_moved_is_reminded_of_at_its_new_time_alone() -> None:
    booking = booked()
    later = START + timedelta(days=2)
    move_booking(booking_id=booking.pk, start=later, by=GUEST, now=NOW)
    assert owe_reminders(DUE) == 0
    assert owe_reminders(later - timedelta(hours=24)) == 1


def test_a_booking_that_is_moved_to_within_a_day_is_not_reminded_of() -> None:
    booking = booked()
    move_booking(booking_id=booking.pk, start=START + HOUR, by=CLERK, now=DUE + 2 * HOUR)
    assert owe_reminders(START) == 0


def test_a_worker_that_was_away_reminds_late_but_not_after_the_beginning() -> None:
    booked()
    assert owe_reminders(START) == 0
    with unchanged():
        owe_reminders(START)


def test_a_late_reminder_is_better_than_none() -> None:
    booked()
    assert owe_reminders(START - HOUR) == 1


def test_reminders_go_out_whatever_mails_an_address_has_had(settings: Any) -> None:
    settings.MAILS_PER_ADDRESS_PER_HOUR = settings.MAILS_PER_GUEST_PER_HOUR = 0
    booked()
    owe_reminders(DUE)
    assert len(reminded()) == 1


def test_many_are_reminded_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reminders, "MOST_AT_ONCE", 2)
    for _number in range(3):
        booked()
    assert [owe_reminders(DUE) for _round in range(3)] == [2, 1, 0]
    assert len(set(reminded())) == 3


def test_a_reminder_that_waited_too_long_is_not_sent() -> None:
    booking = booked()
    sent_at(NOW)
    owe_reminders(DUE)
    assert sent_at(START) == []
    assert Mail.objects.get(kind="reminder").last_error.startswith("not sent")
    assert booking.pk


@pytest.mark.parametrize("change", ["cancel", "move"])
def test_a_reminder_is_not_sent_of_what_was_changed_since(change: str) -> None:
    booking = booked()
    sent_at(NOW)
    owe_reminders(DUE)
    if change == "cancel":
        cancel_booking(booking_id=booking.pk, by=CLERK, now=DUE)
    else:
        move_booking(booking_id=booking.pk, start=START + HOUR, by=CLERK, now=DUE)
    (subject,) = sent_at(DUE)
    assert not subject.startswith("Reminder")


def test_a_reminder_is_sent() -> None:
    booked()
    sent_at(NOW)
    owe_reminders(DUE)
    (subject,) = sent_at(DUE)
    assert subject.startswith("Reminder")


@pytest.mark.django_db(transaction=True)
def test_workers_that_look_at_once_owe_one_reminder() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("a database in memory has one connection")
    booked()
    barrier, owed = threading.Barrier(4), []

    def look() -> None:
        barrier.wait(PATIENCE_SECONDS)
        owed.append(owe_reminders(DUE))
        connections.close_all()

    threads = [threading.Thread(target=look) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(owed) == 1
    assert len(reminded()) == 1


def test_bookings_of_before_the_upgrade_are_reminded_of_too() -> None:
    upgrade = importlib.import_module("bookings.migrations.0006_remind_of_what_is_booked")
    addresses = ("a@guest.example", "b@guest.example", "", "c@guest.example")
    coming, near, silent, cancelled = (booked(email=address) for address in addresses)
    cancel_booking(booking_id=cancelled.pk, by=CLERK, now=NOW)
    Booking.objects.filter(pk=near.pk).update(slot_start=NOW + 23 * HOUR, slot_end=NOW + 24 * HOUR)
    Booking.objects.update(remind_at=None)
    with time_machine.travel(NOW, tick=False):
        upgrade.remind(apps, SimpleNamespace(connection=connection))
    assert list(Booking.objects.exclude(remind_at=None)) == [coming]
    assert Booking.objects.get(pk=coming.pk).remind_at == DUE
    assert owe_reminders(DUE) == 1
    assert silent.remind_at is None
