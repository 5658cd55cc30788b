"""Moving a booking and sending its e-mail again, by staff in the admin."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from bookings.models import Booking, Mail
from bookings.slot_ids import slot_id
from events.models import Event
from tests.make import HOTEL_SYSTEM, NOW, make_booking, make_hotel, make_offer, make_vouchers
from tests.staff import act, assert_strict, make_staff, page_of, sign_in, told
from vouchers.domain import redeem_voucher
from vouchers.models import Hotel

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 3, 11, tzinfo=UTC)  # 12:00 in Amsterdam


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def hotel() -> Hotel:
    return make_hotel()


@pytest.fixture
def client(hotel: Hotel) -> Client:
    return sign_in(make_staff(hotel))


def make_bookings(hotel: Hotel, number: int = 1) -> list[Booking]:
    vouchers = make_vouchers(make_offer(hotel, capacity=number), number)
    return [
        make_booking(voucher, start=NOON, holder_uid=f"thinker-{each}")
        for each, voucher in enumerate(vouchers)
    ]


# Moving


def test_a_booking_is_moved_to_a_free_slot_of_its_week(client: Client, hotel: Hotel) -> None:
    (booking,) = make_bookings(hotel)
    Booking.objects.filter(pk=booking.pk).update(guest_email="ann@lee.example")
    page = client.get(page_of(booking, "move"))
    assert_strict(page)
    text = page.content.decode()
    assert "ann@lee.example" in text
    start = NOON + timedelta(days=1, hours=1)
    assert f'value="{slot_id(start)}"' in text
    assert f'value="{slot_id(NOON)}"' not in text
    moved = client.post(page_of(booking, "move"), {"slot": slot_id(start)}, follow=True)
    assert len(told(moved)["worked"]) == 1
    booking.refresh_from_db()
    assert (booking.slot_start, booking.revision) == (start, 1)
    event = Event.objects.filter(type="voucher.move").get()
    assert event.actor_id == "staff:clerk"
    assert Mail.objects.get(booking=booking).kind == "moved"


def test_another_week_can_be_looked_at(client: Client, hotel: Hotel) -> None:
    (booking,) = make_bookings(hotel)
    later = (NOON + timedelta(days=14)).date()
    page = client.get(page_of(booking, "move"), {"day": later.isoformat()}).content.decode()
    assert f'value="{slot_id(NOON + timedelta(days=15))}"' in page
    assert f'value="{slot_id(NOON + timedelta(days=1))}"' not in page
    closed = client.get(page_of(booking, "move"), {"day": "2099-01-01"})
    assert "Nothing is free in these days." in closed.content.decode()
    for garbage in ("never", "0001-01-01", "9999-12-31"):
        assert client.get(page_of(booking, "move"), {"day": garbage}).status_code == 200


@pytest.mark.parametrize("slot", ["", "never", "slot-2026-03-03T09:07:00Z", "slot-2020-01-01T09:00:00Z"])
def test_a_move_that_cannot_be_is_refused_on_its_page(slot: str, client: Client, hotel: Hotel) -> None:
    (booking,) = make_bookings(hotel)
    response = client.post(page_of(booking, "move"), {"slot": slot})
    assert response.status_code == 422
    assert "errorlist" in response.content.decode()
    booking.refresh_from_db()
    assert booking.slot_start == NOON
    assert not Event.objects.filter(type="voucher.move").exists()


def test_what_is_over_cancelled_or_anothers_is_not_moved(client: Client, hotel: Hotel) -> None:
    cancelled, used = make_bookings(hotel, 2)
    act(client, "cancel", cancelled, apply="1", reason="x")
    redeem_voucher(voucher_id=used.voucher_id, by=HOTEL_SYSTEM, now=NOW)
    foreign = make_bookings(make_hotel("hotel-b"))[0]
    for booking in (cancelled, used, foreign):
        data = {"slot": slot_id(NOON + timedelta(days=1))}
        response = client.post(page_of(booking, "move"), data, follow=True)
        assert told(response)["refused"]
        booking.refresh_from_db()
        assert booking.slot_start == NOON
    reader = sign_in(make_staff(hotel, username="reader", permissions=("view_booking",)))
    assert reader.get(page_of(used, "move")).status_code == 403


def test_the_action_of_the_list_leads_to_one_bookings_move_page(client: Client, hotel: Hotel) -> None:
    one, other = make_bookings(hotel, 2)
    page = act(client, "move", one)
    assert page.redirect_chain[-1][0] == page_of(one, "move")
    assert told(act(client, "move", one, other))["refused"] == ["Choose one booking to move."]


# E-mails


def test_an_e_mail_is_sent_again_after_saying_which_and_to_whom(client: Client, hotel: Hotel) -> None:
    told_of, silent = make_bookings(hotel, 2)
    Booking.objects.filter(pk=told_of.pk).update(guest_email="ann@lee.example")
    asked = act(client, "send_again", told_of, silent)
    assert "ann@lee.example" in asked.content.decode()
    assert not Mail.objects.exists()
    done = told(act(client, "send_again", told_of, silent, apply="1"))
    assert done["worked"] == ["1 e-mail is sent again."]
    assert done["refused"] == [f"The guest left no e-mail address. ({silent.pk})"]
    assert [mail.kind for mail in Mail.objects.all()] == ["booked"]
    act(client, "cancel", told_of, apply="1", reason="x")
    act(client, "send_again", told_of, apply="1")
    assert [mail.kind for mail in Mail.objects.order_by("pk")] == ["booked", "cancelled", "cancelled"]


def test_sending_again_keeps_to_the_limit_of_an_address(client: Client, hotel: Hotel, settings: Any) -> None:
    settings.MAILS_PER_ADDRESS_PER_HOUR = 2
    (booking,) = make_bookings(hotel)
    Booking.objects.filter(pk=booking.pk).update(guest_email="ann@lee.example")
    words = [told(act(client, "send_again", booking, apply="1")) for _each in range(3)]
    assert [len(each["worked"]) for each in words] == [1, 1, 0]
    assert Mail.objects.count() == 2
