"""A guest who tells the desk that they are here."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from bookings.arrivals import mark_arrived, unmark_arrived
from bookings.domain import cancel_booking, move_booking
from bookings.models import Booking
from events.models import Event
from portal.actors import CLOCK, Actor, guest
from portal.errors import Rejected
from tests.make import CLERK, GUEST, GUEST_UID, NOW, OTHER_UID, make_booking, make_offer, make_voucher
from tests.web import browser_of, words_of
from vouchers.domain import redeem_voucher

pytestmark = pytest.mark.django_db
# 10:00 in Amsterdam, the day after tomorrow.
START = datetime(2026, 3, 4, 9, tzinfo=UTC)
DAY = datetime(2026, 3, 3, 23, tzinfo=UTC)


@pytest.fixture
def booking() -> Booking:
    return make_booking(make_voucher(make_offer(max_per_guest=3)), start=START)


def refused(booking: Booking, now: datetime, by: Actor = GUEST) -> str:
    before = Booking.objects.filter(pk=booking.pk).values().get()
    with pytest.raises(Rejected) as refusal:
        mark_arrived(booking_id=booking.pk, by=by, now=now)
    assert Booking.objects.filter(pk=booking.pk).values().get() == before
    assert not Event.objects.filter(type="booking.arrive").exists()
    return refusal.value.code


def test_a_guest_is_here_from_the_hotels_day_of_the_slot_on(booking: Booking) -> None:
    assert refused(booking, DAY - timedelta(seconds=1)) == "arrival_too_soon"
    assert mark_arrived(booking_id=booking.pk, by=GUEST, now=DAY).arrived_at == DAY
    event = Event.objects.get(type="booking.arrive")
    assert (event.subject_id, event.actor_id, event.issuer_uid) == (booking.pk, GUEST_UID, "hotel-a")
    assert event.meta["after"] == {"arrived": True}


def test_for_a_slot_after_midnight_one_may_come_the_evening_before() -> None:
    start = datetime(2026, 3, 3, 23, 30, tzinfo=UTC)
    night = make_booking(make_voucher(valid_from=NOW.replace(minute=30)), start=start)
    assert refused(night, start - timedelta(hours=2, seconds=1)) == "arrival_too_soon"
    mark_arrived(booking_id=night.pk, by=GUEST, now=start - timedelta(hours=2))


def test_a_second_press_changes_nothing(booking: Booking) -> None:
    mark_arrived(booking_id=booking.pk, by=GUEST, now=DAY)
    again = mark_arrived(booking_id=booking.pk, by=GUEST, now=DAY + timedelta(hours=1))
    assert again.arrived_at == DAY
    assert Event.objects.filter(type="booking.arrive").count() == 1


def test_it_can_be_taken_back(booking: Booking) -> None:
    unmark_arrived(booking_id=booking.pk, by=GUEST, now=DAY)
    assert not Event.objects.filter(type="booking.unarrive").exists()
    mark_arrived(booking_id=booking.pk, by=GUEST, now=DAY)
    unmark_arrived(booking_id=booking.pk, by=GUEST, now=DAY)
    assert Booking.objects.get(pk=booking.pk).arrived_at is None
    assert Event.objects.filter(type="booking.unarrive").count() == 1


def test_who_moves_is_not_here_for_the_other_time(booking: Booking) -> None:
    mark_arrived(booking_id=booking.pk, by=GUEST, now=DAY)
    moved = move_booking(booking_id=booking.pk, start=START + timedelta(days=1), by=CLERK, now=DAY)
    assert moved.arrived_at is None
    assert Booking.objects.get(pk=booking.pk).arrived_at is None


def test_nobody_arrives_for_another(booking: Booking) -> None:
    assert refused(booking, DAY, guest(OTHER_UID)) == "holder_not_allowed"
    assert refused(booking, DAY, CLOCK) == "holder_not_allowed"
    assert mark_arrived(booking_id=booking.pk, by=CLERK, now=DAY).arrived_at == DAY


def test_nobody_arrives_for_what_is_over(booking: Booking) -> None:
    assert refused(booking, booking.voucher.valid_until + timedelta(days=1)) == "voucher_expired"
    redeem_voucher(voucher_id=booking.voucher_id, by=CLERK, now=DAY)
    assert refused(booking, DAY) == "voucher_consumed"
    other = make_booking(make_voucher(booking.voucher.offer), start=START + timedelta(hours=2))
    cancel_booking(booking_id=other.pk, by=CLERK, now=DAY)
    assert refused(other, DAY) == "booking_cancelled"


def test_a_guest_presses_on_the_booking_page_and_takes_it_back(booking: Booking) -> None:
    browser, path = browser_of(GUEST_UID), f"/booking/{booking.pk}/"
    with time_machine.travel(DAY - timedelta(hours=1), tick=False):
        assert "I have arrived" not in words_of(browser.get(path))
        assert browser.post(f"{path}arrived/", {"is_here": "1"}).status_code == 422
    with time_machine.travel(DAY + timedelta(hours=9), tick=False):
        assert "I have arrived" in words_of(browser.get(path))
        answer = browser.post(f"{path}arrived/", {"is_here": "1"})
        assert (answer.status_code, answer.headers["Location"]) == (302, path)
        assert "The hotel knows since 09:00 that you are here." in words_of(browser.get(path))
        browser.post(f"{path}arrived/", {"is_here": ""})
        assert "I have arrived" in words_of(browser.get(path))
    assert browser_of(OTHER_UID).post(f"{path}arrived/", {"is_here": "1"}).status_code == 404
    assert browser.get(f"{path}arrived/").status_code == 405
