"""What is deleted of itself, and what is kept."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.contrib.sessions.models import Session

from bookings.models import Booking, Mail
from operations import retention
from operations.retention import prune
from tests.make import NOW, make_booking

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def mails() -> list[Mail]:
    """Mails that were sent, given up, and are owed."""
    for number in range(3):
        make_booking(email="ann@guest.example", holder_uid=f"thinker-{number:012x}")
    sent, given_up, owed = Mail.objects.order_by("pk")
    Mail.objects.filter(pk=sent.pk).update(sent_at=NOW)
    Mail.objects.filter(pk=given_up.pk).update(failed_at=NOW)
    return [sent, given_up, owed]


def test_mails_go_after_their_days_but_none_that_is_owed(mails: list[Mail], settings: Any) -> None:
    settings.KEEP_MAILS_DAYS = 10
    prune(NOW + 10 * DAY)
    assert Mail.objects.count() == 3
    assert prune(NOW + 10 * DAY + timedelta(seconds=1))["mails"] == 2
    assert list(Mail.objects.all()) == [mails[2]]
    assert Booking.objects.count() == 3


def test_much_goes_in_portions(mails: list[Mail], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "MOST_AT_ONCE", 1)
    assert [prune(NOW + 999 * DAY).get("mails", 0) for _round in range(3)] == [1, 1, 0]


def test_sessions_go_when_they_have_run_out() -> None:
    for name, days in (("old", -1), ("good", 1)):
        Session.objects.create(session_key=name, session_data="", expire_date=NOW + days * DAY)
    prune(NOW)
    assert [session.pk for session in Session.objects.all()] == ["good"]


def test_sign_in_attempts_go_after_their_days(settings: Any) -> None:
    settings.KEEP_SIGN_INS_DAYS = 30
    with time_machine.travel(NOW, tick=False):
        AccessAttempt.objects.create(username="clerk", ip_address="10.0.0.1", failures_since_start=5)
    prune(NOW + 30 * DAY)
    assert AccessAttempt.objects.exists()
    prune(NOW + 30 * DAY + timedelta(seconds=1))
    assert not AccessAttempt.objects.exists()


def test_a_second_round_finds_nothing(mails: list[Mail]) -> None:
    prune(NOW + 999 * DAY)
    assert prune(NOW + 999 * DAY) == {}
