"""Choosing a slot on the page holds its place, truthfully and for one guest; leaving gives it back."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from bookings.domain import book_any, cancel_booking
from bookings.models import Hold
from bookings.slot_ids import slot_id
from portal.actors import guest
from presence.browser import COOKIE
from tests.checks import unchanged
from tests.make import CLERK, GUEST_UID, NOW, OTHER_UID, make_offer, make_voucher, make_vouchers
from tests.web import TYPED, address, browser_of, fragment, text_of, words_of
from waiting.models import Entry

pytestmark = pytest.mark.django_db


@pytest.fixture
def batch() -> str:
    return make_vouchers(make_offer(capacity=1), 5)[0].batch_id or ""


def place(batch: str, slot: datetime) -> str:
    return address(voucher=batch, day=f"{slot:%Y-%m-%d}", slot=slot)


def choose(client: Client, batch: str, slot: datetime) -> Any:
    """Press a slot as htmx does."""
    return client.post(place(batch, slot), {"hold": "1"}, headers=fragment("booking-panel"))


def test_choosing_a_slot_holds_it_and_says_until_when_by_the_hotels_clock(batch: str, slot: datetime) -> None:
    client = browser_of()
    response = choose(client, batch, slot)
    assert response.status_code == 200
    assert "Held for you until 09:05." in words_of(response)
    assert f'data-held="{slot_id(slot)}"' in text_of(response)
    assert "booking-form" in text_of(response)
    hold = Hold.objects.get()
    assert (hold.slot_start, hold.expires_at) == (slot, NOW + timedelta(minutes=5))
    # The browser is that guest from now on.
    assert hold.guest_uid.startswith("thinker-")
    assert COOKIE in response.cookies
    choose(client, batch, slot + timedelta(hours=1))
    assert Hold.objects.get().guest_uid == hold.guest_uid


def test_a_form_that_comes_back_with_a_mistake_says_that_its_place_is_still_held(
    batch: str, slot: datetime
) -> None:
    client = browser_of(GUEST_UID)
    choose(client, batch, slot)
    wrong = {**TYPED, "email": "nobody", "slot": slot_id(slot)}
    response = client.post(place(batch, slot), wrong, headers=fragment("booking-panel"))
    assert response.status_code == 422
    assert f'data-held="{slot_id(slot)}"' in text_of(response)
    assert Hold.objects.count() == 1
    # What the form holds is one time: of another it says nothing.
    other = {**wrong, "slot": slot_id(slot + timedelta(hours=1))}
    assert "data-held" not in text_of(
        client.post(place(batch, slot), other, headers=fragment("booking-panel"))
    )
    assert "data-held" not in text_of(
        browser_of().post(place(batch, slot), wrong, headers=fragment("booking-panel"))
    )


def test_a_link_that_is_followed_holds_nothing_and_changes_nothing(batch: str, slot: datetime) -> None:
    for client in (browser_of(), browser_of(GUEST_UID)):
        for headers in ({}, fragment("booking-panel"), {"Sec-Purpose": "prefetch"}):
            with unchanged():
                response = client.get(place(batch, slot), headers=headers)
            assert "booking-form" in text_of(response)
            assert "Held for you" not in text_of(response)
        assert COOKIE not in response.cookies


def test_the_slots_link_has_the_address_that_it_posts_to(batch: str, slot: datetime) -> None:
    page = text_of(browser_of().get(address(voucher=batch, day=f"{slot:%Y-%m-%d}")))
    link = place(batch, slot).removeprefix("/").replace("&", "&amp;")
    assert f'href="{link}" hx-post="{link}"' in page
    assert "Fully booked" not in page


def test_nobody_else_is_shown_or_given_the_held_place(batch: str, slot: datetime) -> None:
    choose(browser_of(GUEST_UID), batch, slot)
    mine = browser_of(GUEST_UID).get(place(batch, slot))
    assert "Book Tue 3 Mar" in words_of(mine)
    other = browser_of(OTHER_UID)
    assert "This time cannot be booked any more." in words_of(other.get(place(batch, slot)))
    response = choose(other, batch, slot)
    assert response.status_code == 409
    assert "This time cannot be booked any more. These times are the nearest" in words_of(response)
    assert other.post(place(batch, slot), {**TYPED, "slot": slot_id(slot)}).status_code == 409
    assert Hold.objects.get().guest_uid == GUEST_UID
    assert browser_of(GUEST_UID).post(place(batch, slot), {**TYPED, "slot": slot_id(slot)}).status_code == 303
    assert not Hold.objects.exists()


def test_the_form_works_without_a_hold(batch: str, slot: datetime) -> None:
    assert browser_of().post(place(batch, slot), {**TYPED, "slot": slot_id(slot)}).status_code == 303


def test_a_refused_form_says_no_more_that_the_place_is_held(batch: str, slot: datetime) -> None:
    client = browser_of(GUEST_UID)
    choose(client, batch, slot)
    response = client.post(place(batch, slot), {"slot": slot_id(slot)})
    assert response.status_code == 422
    assert Hold.objects.exists()


def test_not_this_time_gives_the_place_back_and_shows_the_day(batch: str, slot: datetime) -> None:
    client = browser_of(GUEST_UID)
    choose(client, batch, slot)
    day = address(voucher=batch, day=f"{slot:%Y-%m-%d}")
    wish = {"release": "1", **TYPED}
    response = client.post(place(batch, slot), wish, headers=fragment("booking-panel"))
    assert response.status_code == 200
    assert not Hold.objects.exists()
    assert response.headers["HX-Retarget"] == "#day-slots"
    assert response.headers["HX-Push-Url"] == day
    assert "booking-form" not in text_of(response)
    assert "aria-current" not in text_of(response)
    choose(client, batch, slot)
    plain = client.post(place(batch, slot), wish)
    assert (plain.status_code, plain.headers["Location"]) == (303, day)
    assert not Hold.objects.exists()


def test_a_page_that_is_left_gives_back_its_own_slot_alone(batch: str, slot: datetime) -> None:
    client = browser_of(GUEST_UID)
    choose(client, batch, slot)
    late = {"release": "quietly", "slot": slot_id(slot + timedelta(hours=1))}
    assert client.post("/", late).status_code == 204
    assert Hold.objects.exists()
    assert browser_of().post("/", {"release": "quietly", "slot": slot_id(slot)}).status_code == 204
    assert Hold.objects.exists()
    assert client.post("/", {"release": "quietly", "slot": slot_id(slot)}).status_code == 204
    assert not Hold.objects.exists()


def test_an_address_holds_so_many_places_in_an_hour_and_then_the_form_goes_on_without(
    batch: str, slot: datetime, settings: Any
) -> None:
    settings.HOLDS_PER_ADDRESS_PER_HOUR = 2
    for number in range(3):
        client = browser_of(f"thinker-{number:012}")
        response = choose(client, batch, slot + timedelta(hours=number))
        assert response.status_code == 200
        assert "booking-form" in text_of(response)
        assert ("Held for you" in text_of(response)) == (number < 2)
    assert Hold.objects.count() == 2
    assert COOKIE not in choose(browser_of(), batch, slot + timedelta(hours=3)).cookies


def test_a_guest_who_may_book_no_more_is_told_when_choosing(batch: str, slot: datetime) -> None:
    book_any(batch_id=batch, start=slot, holder_uid=GUEST_UID, by=guest(GUEST_UID), now=NOW)
    response = choose(browser_of(GUEST_UID), batch, slot + timedelta(hours=1))
    assert response.status_code == 409
    assert "You have a booking of this already." in words_of(response)


def test_choosing_nothing_holds_nothing(batch: str) -> None:
    for path in ("/", address(voucher=batch)):
        response = browser_of().post(path, {"hold": "1"})
        assert response.status_code == 422
        assert "Choose a voucher, a day and a time first." in words_of(response)


def test_a_voucher_without_an_offer_is_chosen_as_ever(slot: datetime) -> None:
    voucher = make_voucher(holder_uid=GUEST_UID)
    day = text_of(browser_of(GUEST_UID).get(address(voucher=voucher.pk, day=f"{slot:%Y-%m-%d}")))
    assert "hx-post" not in day
    response = choose(browser_of(GUEST_UID), voucher.pk, slot)
    assert "booking-form" in text_of(response)
    assert "Held for you" not in text_of(response)
    assert (
        browser_of(GUEST_UID).post(place(voucher.pk, slot), {**TYPED, "slot": slot_id(slot)}).status_code
        == 303
    )


# Those who wait come first


def test_what_is_full_leads_to_the_waiting_list(slot: datetime) -> None:
    batch = make_vouchers(make_offer(capacity=1), 20)[0].batch_id or ""
    for number in range(8):
        start = slot + timedelta(hours=number)
        book_any(batch_id=batch, start=start, holder_uid=f"g{number}", by=CLERK, now=NOW)
    page = text_of(browser_of().get(address(voucher=batch, day=f"{slot:%Y-%m-%d}")))
    assert f'class="cell cell-full" href="?voucher={batch}&amp;day=2026-03-03"' in page
    assert "3 March 2026: Fully booked." in page
    assert f"/waiting/join/?voucher={batch}&amp;day=2026-03-03" in page
    assert f"/waiting/join/?voucher={batch}&amp;slot=slot-2026-03-03T09%3A00%3A00Z" in page
    assert "Wait for any time on this day" in page


def test_a_freed_place_goes_to_who_waits_before_a_stranger_can_choose_or_book_it(slot: datetime) -> None:
    batch = make_vouchers(make_offer(capacity=1), 20)[0].batch_id or ""
    booking = book_any(batch_id=batch, start=slot, holder_uid="g", by=CLERK, now=NOW)
    path = f"/waiting/join/?voucher={batch}&slot={slot_id(slot)}"
    assert browser_of(GUEST_UID).post(path, TYPED).status_code == 302
    cancel_booking(booking_id=booking.pk, by=CLERK, now=NOW)
    assert choose(browser_of(OTHER_UID), batch, slot).status_code == 409
    assert Entry.objects.get().state == "offered"
    stranger = browser_of(OTHER_UID).post(place(batch, slot), {**TYPED, "slot": slot_id(slot)})
    assert stranger.status_code == 409
    # Who is offered it finds it free.
    mine = choose(browser_of(GUEST_UID), batch, slot)
    assert "Held for you until 10:00." in words_of(mine)
