"""What the desk sees of who is online."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.test import Client

from bookings.arrivals import mark_arrived
from bookings.online import guests_online
from presence.rooms import heartbeat
from tests.api import Api
from tests.make import CLERK, GUEST_UID, NOW, OTHER_UID, make_booking, make_hotel, make_offer, make_voucher
from tests.web import words_of
from vouchers.models import Hotel

pytestmark = pytest.mark.django_db
THIRD_UID = "thinker-000000000003"
# 10:00 in Amsterdam, and a guest's slot an hour later.
MORNING = datetime(2026, 3, 4, 9, tzinfo=UTC)
START = MORNING + timedelta(hours=1)


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(MORNING, tick=False) as traveller:
        yield traveller


def here(*uids: str) -> None:
    for uid in uids:
        heartbeat(uid=uid, now=MORNING)


def seen(hotel: Hotel | None = None) -> list[tuple[str, str, bool]]:
    hotels = Hotel.objects.all() if hotel is None else Hotel.objects.filter(pk=hotel.pk)
    return [
        (found.uid, found.hotel.pk, found.booking is not None) for found in guests_online(hotels, MORNING)
    ]


def test_who_is_online_is_shown_with_the_booking_of_today() -> None:
    offer = make_offer(max_per_guest=9, capacity=9)
    make_booking(make_voucher(offer), start=START + timedelta(days=1), holder_uid=GUEST_UID, name="Ann")
    today = make_booking(make_voucher(offer), start=START, holder_uid=GUEST_UID)
    make_booking(make_voucher(offer), start=START, holder_uid=OTHER_UID, name="Bob")
    here(GUEST_UID)
    (found,) = guests_online(Hotel.objects.all(), MORNING)
    assert (found.uid, found.booking, found.last_seen) == (GUEST_UID, today, MORNING)


def test_a_booking_of_another_day_shows_the_guest_without_it() -> None:
    make_booking(make_voucher(make_offer()), start=START + timedelta(days=1), name="Ann")
    make_booking(make_voucher(make_offer()), start=START - timedelta(days=1), holder_uid=OTHER_UID, now=NOW)
    here(GUEST_UID, OTHER_UID)
    assert seen() == [(GUEST_UID, "hotel-a", False)]


def test_whoever_holds_a_voucher_is_a_guest_and_a_stranger_is_not() -> None:
    make_voucher(make_offer(), holder_uid=GUEST_UID)
    here(GUEST_UID, OTHER_UID)
    assert seen() == [(GUEST_UID, "hotel-a", False)]


def test_todays_guests_come_first_by_time() -> None:
    offer = make_offer(capacity=9)
    make_voucher(offer, holder_uid=THIRD_UID)
    make_booking(make_voucher(offer), start=START + timedelta(hours=2), holder_uid=GUEST_UID)
    make_booking(make_voucher(offer), start=START, holder_uid=OTHER_UID)
    here(GUEST_UID, OTHER_UID, THIRD_UID)
    assert [uid for uid, _hotel, _today in seen()] == [OTHER_UID, GUEST_UID, THIRD_UID]


def test_a_hotel_sees_its_own_guests_alone(django_assert_max_num_queries: Any) -> None:
    hotels = [make_hotel(uid) for uid in ("hotel-a", "hotel-b", "hotel-c")]
    for hotel, uid in zip(hotels, (GUEST_UID, OTHER_UID, THIRD_UID), strict=True):
        make_voucher(make_offer(hotel, title=hotel.pk), holder_uid=uid)
    make_booking(make_voucher(make_offer(hotels[1])), start=START, holder_uid=GUEST_UID)
    here(GUEST_UID, OTHER_UID, THIRD_UID)
    assert {(uid, hotel) for uid, hotel, _today in seen(hotels[1])} == {
        (GUEST_UID, "hotel-b"),
        (OTHER_UID, "hotel-b"),
    }
    with django_assert_max_num_queries(4):
        assert len(seen()) == 4


def test_the_admin_shows_them_and_who_has_arrived() -> None:
    make_offer_b = make_offer(make_hotel("hotel-b"))
    make_booking(make_voucher(make_offer_b), start=START, holder_uid=OTHER_UID, name="Someone Else")
    booking = make_booking(make_voucher(make_offer()), start=START, name="Ann Visser")
    mark_arrived(booking_id=booking.pk, by=CLERK, now=MORNING)
    here(GUEST_UID, OTHER_UID)
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_booking"))
    make_hotel().staff.add(clerk)
    browser = Client()
    browser.force_login(clerk)
    words = words_of(browser.get("/admin/bookings/booking/online/"))
    assert "Ann Visser Hotel hotel-a 11:00–12:00, Spa hour 10:00 10:00" in words
    assert "Someone Else" not in words
    assert "/admin/bookings/booking/online/" in browser.get("/admin/bookings/booking/").content.decode()


def test_the_page_is_for_those_who_may_see_bookings() -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    browser = Client()
    browser.force_login(clerk)
    assert browser.get("/admin/bookings/booking/online/").status_code == 403
    assert Client().get("/admin/bookings/booking/online/").status_code == 302


def test_a_hotels_system_asks_the_same() -> None:
    booking = make_booking(make_voucher(make_offer()), start=START, name="Ann Visser")
    make_booking(make_voucher(make_offer(make_hotel("hotel-b"))), start=START, holder_uid=OTHER_UID)
    here(GUEST_UID, OTHER_UID)
    (item,) = Api().get("presence/online").json()["items"]
    assert item["holder_uid"] == GUEST_UID
    assert item["booking"]["id"] == booking.pk
    assert item["last_seen"] == "2026-03-04T09:00:00Z"
    assert item["arrived_at"] is None
