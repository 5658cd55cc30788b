"""The manifest page: its regions, its address, what it costs, and booking on it."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings.domain import cancel_booking
from bookings.models import Booking
from bookings.slot_ids import slot_id
from portal.views import FRAGMENTS
from presence.browser import COOKIE
from tests.checks import stored, unchanged
from tests.make import (
    GUEST_UID,
    HOTEL_SYSTEM,
    NOW,
    OTHER_UID,
    make_booking,
    make_hotel,
    make_offer,
    make_voucher,
    make_vouchers,
)
from tests.web import TYPED, address, browser_of, fragment, text_of, words_of
from vouchers.models import Batch, Voucher
from vouchers.queries import PAGE_SIZE

pytestmark = pytest.mark.django_db

KEY = "2b0e1a52-5c5f-4b0e-9a59-0a3b0e5d7c11"


def batch_of(voucher: Voucher) -> str:
    assert voucher.batch_id is not None
    return voucher.batch_id


def card_titles(page: str) -> list[str]:
    return re.findall(r'class="card-title">([^<]+)<', page)


def book(client: Any, voucher: str, slot: datetime, **typed: str) -> Any:
    """Press the button of the booking form as a browser without JavaScript does."""
    place = address(voucher=voucher, day=f"{slot:%Y-%m-%d}", slot=slot)
    return client.post(place, {**TYPED, "slot": slot_id(slot), **typed})


# The page and its regions


def test_the_page_without_any_voucher_says_so() -> None:
    response = browser_of().get("/")
    assert response.status_code == 200
    assert "There are no vouchers at the moment." in text_of(response)


def test_the_page_shows_open_vouchers_as_one_card_with_the_number_left() -> None:
    make_vouchers(make_offer(title="Spa hour"), 7)
    page = text_of(browser_of().get("/"))
    assert card_titles(page) == ["Spa hour"]
    assert "7 left" in page


def test_a_card_says_when_the_next_free_slot_is() -> None:
    make_voucher(make_offer())
    assert "Next free: Mon 2 Mar, 10:00–11:00" in words_of(browser_of().get("/"))


def test_a_held_voucher_is_on_its_holders_page_and_on_nobody_elses() -> None:
    make_voucher(make_offer(), holder_uid=GUEST_UID)
    assert "yours" in text_of(browser_of(GUEST_UID).get("/"))
    assert card_titles(text_of(browser_of(OTHER_UID).get("/"))) == []
    assert card_titles(text_of(browser_of().get("/"))) == []


@pytest.mark.parametrize("target", FRAGMENTS)
def test_htmx_gets_the_region_that_it_replaces_and_nothing_around_it(target: str, slot: datetime) -> None:
    offers = [make_offer(title=f"Offer {number:02}") for number in range(PAGE_SIZE + 5)]
    batch = [batch_of(make_voucher(offer)) for offer in offers].pop()
    place = address(voucher=batch, day=f"{slot:%Y-%m-%d}", slot=slot)
    page = text_of(browser_of().get(place, headers=fragment(target)))
    assert "<html" not in page
    root = {"more-cards": '<li id="more-cards"', "month-grid": 'id="slot-calendar"'}
    assert root.get(target, f'id="{target}"') in page
    assert ("booking-form" in page) == (target not in ("voucher-list", "more-cards"))


def test_an_unknown_region_gets_the_whole_page() -> None:
    assert "<html" in text_of(browser_of().get("/", headers=fragment("somewhere-else")))


def test_htmx_without_a_target_gets_the_whole_page() -> None:
    assert "<html" in text_of(browser_of().get("/", headers={"HX-Request": "true"}))


@pytest.mark.parametrize("target", ["slot-calendar", "month-grid", "day-slots", "booking-panel"])
def test_a_region_of_a_voucher_that_is_not_named_gets_the_whole_page(target: str) -> None:
    response = browser_of().get("/", headers=fragment(target))
    assert response.status_code == 200
    assert "<html" in text_of(response)


def test_restoring_history_gets_the_whole_page() -> None:
    headers = fragment("voucher-list", **{"HX-History-Restore-Request": "true"})
    assert "<html" in text_of(browser_of().get("/", headers=headers))


@pytest.mark.parametrize("headers", [{}, fragment("voucher-list"), fragment("slot-calendar")])
def test_answers_are_private_and_vary_with_what_they_depend_on(headers: dict[str, str]) -> None:
    response = browser_of().get("/", headers=headers)
    assert response.headers["Cache-Control"] == "private, no-cache"
    vary = {name.strip().lower() for name in response.headers["Vary"].split(",")}
    assert vary >= {"hx-request", "hx-target", "hx-history-restore-request", "cookie", "accept-language"}


def test_head_answers_as_get_without_a_body() -> None:
    response = browser_of().head("/")
    assert response.status_code == 200
    assert response.content == b""


# Every state of the page has an address


@pytest.fixture
def choice() -> dict[str, Voucher]:
    """Vouchers that every filter tells apart, three of them the guest's own."""
    north, south = make_hotel("north", name="North"), make_hotel("south", name="South")
    spa = make_offer(north, title="Alpine spa", service_type="hotel.spa")
    tour = make_offer(south, title="Boat tour", service_type="hotel.tour", description="with a skipper")
    found = {
        "spa": make_voucher(spa),
        "tour": make_voucher(tour, valid_until=NOW + timedelta(days=3)),
        "own": make_voucher(
            hotel=south, title="Castle walk", holder_uid=GUEST_UID, valid_until=NOW + timedelta(days=2)
        ),
    }
    make_booking(make_voucher(hotel=north, title="Dinner", holder_uid=GUEST_UID))
    over = {"valid_from": NOW - timedelta(days=9), "valid_until": NOW - timedelta(days=1)}
    make_voucher(hotel=north, title="Early swim", now=NOW - timedelta(days=10), **over)
    return found


@pytest.mark.parametrize(
    ("place", "titles"),
    [
        ({}, ["Castle walk", "Dinner", "Boat tour", "Alpine spa", "Early swim"]),
        ({"status": "issued"}, ["Castle walk", "Boat tour", "Alpine spa"]),
        ({"status": "booked"}, ["Dinner"]),
        ({"status": "expired"}, ["Early swim"]),
        ({"status": "consumed"}, []),
        ({"q": "SKIPPER"}, ["Boat tour"]),
        ({"q": "north spa"}, ["Alpine spa"]),
        ({"q": "nothing like it"}, []),
        ({"hotel": "south"}, ["Castle walk", "Boat tour"]),
        ({"service": "hotel.spa"}, ["Alpine spa"]),
        ({"sort": "title"}, ["Castle walk", "Dinner", "Alpine spa", "Boat tour", "Early swim"]),
        ({"sort": "newest"}, ["Dinner", "Castle walk", "Early swim", "Boat tour", "Alpine spa"]),
        ({"status": "issued", "hotel": "south", "q": "boat"}, ["Boat tour"]),
    ],
)
def test_the_address_says_which_vouchers_are_listed_and_in_which_order(
    choice: dict[str, Voucher], place: dict[str, str], titles: list[str]
) -> None:
    shown = card_titles(text_of(browser_of(GUEST_UID).get(address(**place))))
    if place.get("sort") == "newest":
        # Ids made in one millisecond are in no order among themselves.
        assert (set(shown[:2]), set(shown[2:])) == (set(titles[:2]), set(titles[2:]))
    else:
        assert shown == titles


def test_every_tab_counts_what_choosing_it_lists(choice: dict[str, Voucher]) -> None:
    client = browser_of(GUEST_UID)
    page = text_of(client.get("/"))
    tabs = dict(re.findall(r'id="tab-(\w+)".*?class="count">(\d+)<', page))
    assert tabs == {
        "all": "5",
        "issued": "3",
        "booked": "1",
        "consumed": "0",
        "cancelled": "0",
        "expired": "1",
    }
    for status in ("issued", "booked", "consumed", "cancelled", "expired"):
        listed = text_of(client.get(address(status=status)))
        assert len(card_titles(listed)) == int(tabs[status])


def test_the_filters_show_what_the_address_says(choice: dict[str, Voucher]) -> None:
    page = text_of(browser_of().get(address(q="boat", hotel="south", service="hotel.tour", sort="title")))
    assert 'value="boat"' in page
    for chosen in ("south", "hotel.tour", "title"):
        assert f'<option value="{chosen}" selected>' in page


def test_show_more_leads_through_all_cards_once() -> None:
    for number in range(2 * PAGE_SIZE + 5):
        make_voucher(title=f"Voucher {number:02}", holder_uid=GUEST_UID if number % 2 else "")
    client, place, seen = browser_of(GUEST_UID), "/?sort=title", []
    while place:
        page = text_of(client.get(place, headers=fragment("more-cards")))
        seen += card_titles(page)
        more = re.search(r'id="more-cards".*?href="([^"]+)"', page)
        place = "/" + more[1].replace("&amp;", "&") if more else ""
    assert len(seen) == 2 * PAGE_SIZE + 5
    assert len(set(seen)) == len(seen)


def test_an_open_batch_has_its_address(choice: dict[str, Voucher]) -> None:
    page = text_of(browser_of().get(address(voucher=batch_of(choice["spa"]))))
    assert 'id="steps-title" tabindex="-1" data-focus>Alpine spa<' in page
    assert "March 2026" in page


def test_an_own_voucher_has_its_address(choice: dict[str, Voucher]) -> None:
    page = text_of(browser_of(GUEST_UID).get(address(voucher=choice["own"].pk)))
    assert "data-focus>Castle walk<" in page


def test_an_open_voucher_has_its_address_too(choice: dict[str, Voucher]) -> None:
    assert browser_of().get(address(voucher=choice["spa"].pk)).status_code == 200


def test_a_booked_voucher_leads_to_its_booking() -> None:
    booking = make_booking(make_voucher(holder_uid=GUEST_UID))
    page = text_of(browser_of(GUEST_UID).get(address(voucher=booking.voucher_id)))
    assert f"/booking/{booking.pk}/" in page
    assert "slot-calendar" not in page


def test_a_month_has_its_address() -> None:
    voucher = make_voucher(make_offer(), valid_until=NOW + timedelta(days=90))
    page = text_of(browser_of().get(address(voucher=batch_of(voucher), month="2026-04")))
    assert "April 2026" in page


def test_a_month_outside_the_validity_shows_the_nearest_one_inside() -> None:
    voucher = make_voucher(make_offer(), valid_until=NOW + timedelta(days=40))
    for month, shown in (("2031-01", "April 2026"), ("1999-12", "March 2026")):
        page = text_of(browser_of().get(address(voucher=batch_of(voucher), month=month)))
        assert shown in page


def test_a_day_has_its_address_and_lists_its_slots() -> None:
    voucher = make_voucher(make_offer())
    page = text_of(browser_of().get(address(voucher=batch_of(voucher), day="2026-03-05")))
    assert ">Thursday 5 March 2026<" in page or ">Thursday, 5 March 2026<" in page
    assert "10:00–11:00" in page
    assert "17:00–18:00" in page


def test_a_slot_has_its_address_and_opens_the_form(slot: datetime) -> None:
    voucher = make_voucher(make_offer())
    response = browser_of().get(address(voucher=batch_of(voucher), slot=slot))
    assert "Book Tue 3 Mar, 10:00–11:00" in words_of(response)
    assert 'name="form_key"' in text_of(response)


def test_a_slot_that_is_taken_names_the_nearest_free_ones(slot: datetime) -> None:
    taken, free = make_vouchers(make_offer(), 2)
    make_booking(taken, start=slot)
    page = words_of(browser_of().get(address(voucher=batch_of(free), slot=slot)))
    assert "This time cannot be booked any more." in page
    assert "Book Tue 3 Mar, 11:00–12:00" in page
    assert "Book Tue 3 Mar, 10:00–11:00" not in page


# What a page costs: constants, whatever there is to show


def fill(offers: int) -> tuple[Batch, Booking]:
    """Make as many offers of hotels of their own; of each an own voucher, an own booking and an open card."""
    first: Voucher | None = None
    for number in range(offers):
        hotel = make_hotel(f"hotel-{number}", name=f"Hotel {number}")
        offer = make_offer(hotel, title=f"Offer {number}", capacity=3, max_per_guest=50)
        make_voucher(offer, holder_uid=GUEST_UID)
        open_one = make_vouchers(offer, 3)
        first = first or open_one[0]
        make_booking(open_one[1], start=NOW.replace(hour=10), holder_uid=OTHER_UID)
        make_booking(open_one[2], start=NOW.replace(hour=11), email="ann@guest.example")
    assert first is not None
    return Batch.objects.get(pk=first.batch_id), Booking.objects.filter(holder_uid=GUEST_UID).earliest("pk")


FREE, PAST = "slot-2026-03-05T09:00:00Z", "slot-2026-03-05T08:00:00Z"
# The region, the rest of the address, and how many statements it takes: of a guest, of nobody.
COSTS = [
    ("", {}, 7, 5),
    ("voucher-list", {}, 7, 5),
    ("more-cards", {}, 4, 3),
    ("", {"voucher": "batch"}, 10, 8),
    ("booking-steps", {"voucher": "batch"}, 3, 3),
    ("slot-calendar", {"voucher": "batch"}, 3, 3),
    ("slot-calendar", {"voucher": "batch", "month": "2026-04"}, 3, 3),
    ("day-slots", {"voucher": "batch", "day": "2026-03-05"}, 3, 3),
    ("booking-panel", {"voucher": "batch", "slot": FREE}, 4, 3),
    ("booking-panel", {"voucher": "batch", "slot": PAST}, 6, 5),
]
OWN_COSTS = {
    "/my/": 3,
    # One for each table that holds something of a guest.
    "/my/data/": 13,
    "/booking/{booking}/": 2,
    "/booking/{booking}/calendar.ics": 1,
    "/booking/{booking}/move/": 3,
    "/booking/{booking}/cancel/": 1,
    "/voucher/{voucher}/": 1,
}


def cost_of(uid: str, path: str, target: str = "") -> int:
    """Return how many statements an answer takes."""
    client = browser_of(uid)
    with CaptureQueriesContext(connection) as statements:
        assert client.get(path, headers=fragment(target) if target else {}).status_code == 200
    return len(statements)


@pytest.mark.parametrize("offers", [1, 9])
def test_a_page_takes_the_same_number_of_queries_however_much_there_is(offers: int) -> None:
    batch, _booking = fill(offers)
    found = []
    for target, place, *_costs in COSTS:
        path = address(**{**place, **({"voucher": batch.pk} if "voucher" in place else {})})
        found.append((target, place, cost_of(GUEST_UID, path, target), cost_of("", path, target)))
    assert found == COSTS


@pytest.mark.parametrize("offers", [1, 9])
def test_a_guests_own_page_takes_the_same_number_of_queries_however_much_there_is(offers: int) -> None:
    _batch, booking = fill(offers)
    assert {
        path: cost_of(GUEST_UID, path.format(booking=booking.pk, voucher=booking.voucher_id))
        for path in OWN_COSTS
    } == OWN_COSTS


# Booking


def test_booking_leads_to_the_booking_and_makes_the_browser_a_guest(slot: datetime) -> None:
    voucher = make_voucher(make_offer())
    client = browser_of()
    response = book(client, batch_of(voucher), slot)
    booking = Booking.objects.get()
    assert response.status_code == 303
    assert response.headers["Location"] == f"/booking/{booking.pk}/?new"
    cookie = response.cookies[COOKIE]
    assert booking.holder_uid in cookie.value
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert (booking.voucher_id, booking.slot_start) == (voucher.pk, slot)
    assert (booking.guest_name, booking.guest_email) == (TYPED["name"], TYPED["email"])
    assert client.get(response.headers["Location"]).status_code == 200


def test_booking_by_htmx_tells_the_browser_where_to_go(slot: datetime) -> None:
    voucher = make_voucher(make_offer())
    place = address(voucher=batch_of(voucher), slot=slot)
    response = browser_of().post(place, TYPED, headers=fragment("booking-panel"))
    assert response.status_code == 200
    assert response.headers["HX-Redirect"] == f"/booking/{Booking.objects.get().pk}/?new"
    assert COOKIE in response.cookies


def test_an_open_voucher_is_booked_by_its_own_id(slot: datetime) -> None:
    voucher = make_vouchers(make_offer(), 3)[1]
    book(browser_of(), voucher.pk, slot)
    assert Booking.objects.get().voucher_id == voucher.pk


def test_a_batch_is_booked_with_one_of_its_vouchers_and_has_one_less(slot: datetime) -> None:
    vouchers = make_vouchers(make_offer(), 3)
    book(browser_of(), batch_of(vouchers[0]), slot)
    assert Booking.objects.get().voucher_id in {voucher.pk for voucher in vouchers}
    assert Batch.objects.get().open_issued == 2


def test_an_own_voucher_is_booked_by_its_holder(slot: datetime) -> None:
    voucher = make_voucher(make_offer(), holder_uid=GUEST_UID)
    assert book(browser_of(GUEST_UID), voucher.pk, slot).status_code == 303
    assert Booking.objects.get().holder_uid == GUEST_UID


def test_the_button_that_was_pressed_decides_on_the_slot(slot: datetime) -> None:
    voucher = make_voucher(make_offer())
    later = slot + timedelta(days=1, hours=2)
    place = address(voucher=batch_of(voucher), day=f"{slot:%Y-%m-%d}", slot=slot)
    browser_of().post(place, {**TYPED, "slot": slot_id(later)})
    assert Booking.objects.get().slot_start == later


def test_the_guest_keeps_the_language_of_the_page_for_mails(slot: datetime) -> None:
    voucher = make_voucher(make_offer())
    place = address(voucher=batch_of(voucher), slot=slot)
    browser_of().post(place, TYPED, headers={"Accept-Language": "nl-BE,en;q=0.5"})
    assert Booking.objects.get().language == "nl"


def test_the_page_itself_sends_no_mail(slot: datetime) -> None:
    book(browser_of(), batch_of(make_voucher(make_offer())), slot)
    assert mail.outbox == []


@pytest.mark.parametrize("htmx", [False, True])
def test_a_slot_that_went_meanwhile_is_409_with_the_text_kept_and_free_ones_named(
    slot: datetime, htmx: bool
) -> None:
    taken, free = make_vouchers(make_offer(), 2)
    make_booking(taken, start=slot)
    headers = fragment("booking-panel") if htmx else {}
    place = address(voucher=batch_of(free), day=f"{slot:%Y-%m-%d}", slot=slot)
    with unchanged():
        response = browser_of().post(place, {**TYPED, "slot": slot_id(slot)}, headers=headers)
    page = text_of(response)
    assert response.status_code == 409
    assert ("<html" in page) != htmx
    assert "Someone else has just taken this time." in page
    assert "Book Tue 3 Mar, 11:00–12:00" in words_of(response)
    for text in TYPED.values():
        assert text in page
    assert COOKIE not in response.cookies


def test_what_cannot_be_booked_is_422_with_the_reason(slot: datetime) -> None:
    voucher = make_voucher(make_offer())
    with unchanged():
        response = book(browser_of(), batch_of(voucher), slot + timedelta(minutes=30))
    assert response.status_code == 422
    assert "This time is not on the calendar." in text_of(response)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": " \t "}, "This field is required."),
        ({"name": "x" * 81}, "at most 80 characters"),
        ({"email": ""}, "This field is required."),
        ({"email": "nowhere"}, "Enter a valid email address."),
        ({"email": "a@b.example\r\nBcc: all@guest.example"}, "Enter a valid email address."),
        ({"note": "x" * 501}, "at most 500 characters"),
        ({"form_key": "no-key"}, "Enter a valid UUID."),
    ],
)
def test_a_form_that_is_not_filled_in_is_422_and_keeps_the_rest(
    slot: datetime, typed: dict[str, str], words: str
) -> None:
    voucher = make_voucher(make_offer())
    with unchanged():
        response = book(browser_of(), batch_of(voucher), slot, **typed)
    assert response.status_code == 422
    page = text_of(response)
    if "form_key" not in typed:
        assert words in page
    for name in TYPED.keys() - typed.keys():
        assert TYPED[name] in page


@pytest.mark.parametrize("place", [{}, {"voucher": "batch"}, {"voucher": "batch", "slot": "tomorrow"}])
def test_booking_without_a_voucher_or_a_slot_is_422_and_says_what_to_choose(place: dict[str, str]) -> None:
    voucher = make_voucher(make_offer())
    known = {**place, "voucher": batch_of(voucher)} if place else {}
    with unchanged():
        response = browser_of().post(address(**known), TYPED)
    assert response.status_code == 422
    assert "Choose a voucher, a day and a time first." in text_of(response)


def test_pressing_the_button_twice_books_once(slot: datetime) -> None:
    vouchers = make_vouchers(make_offer(capacity=3, max_per_guest=3), 3)
    client = browser_of()
    first = book(client, batch_of(vouchers[0]), slot, form_key=KEY)
    with unchanged():
        second = book(client, batch_of(vouchers[0]), slot, form_key=KEY)
    assert second.status_code == 303
    assert second.headers["Location"] == first.headers["Location"]
    assert Booking.objects.count() == 1


def test_pressing_twice_before_the_first_answer_books_once_and_is_one_guest(slot: datetime) -> None:
    vouchers = make_vouchers(make_offer(capacity=3), 3)
    first = book(browser_of(), batch_of(vouchers[0]), slot, form_key=KEY)
    second = book(browser_of(), batch_of(vouchers[0]), slot, form_key=KEY.upper())
    assert second.headers["Location"] == first.headers["Location"]
    uids = {response.cookies[COOKIE].value.split(":")[0] for response in (first, second)}
    assert uids == {Booking.objects.get().holder_uid}


def test_pressing_a_single_voucher_twice_books_once(slot: datetime) -> None:
    voucher = make_voucher(make_offer())
    first = book(browser_of(), voucher.pk, slot, form_key=KEY)
    second = book(browser_of(), voucher.pk, slot, form_key=KEY)
    assert (second.status_code, second.headers["Location"]) == (303, first.headers["Location"])


def test_every_form_has_a_key_of_its_own(slot: datetime) -> None:
    place = address(voucher=batch_of(make_voucher(make_offer())), slot=slot)
    pages = [text_of(browser_of().get(place)) for _time in range(2)]
    keys = {re.search(r'name="form_key" value="([^"]+)"', page)[1] for page in pages}  # type: ignore[index]
    assert len(keys) == 2


def test_a_guest_who_has_booked_finds_name_and_address_filled_in(slot: datetime) -> None:
    client = browser_of()
    book(client, batch_of(make_voucher(make_offer())), slot)
    second = make_voucher(make_offer(title="Dinner"))
    page = text_of(client.get(address(voucher=batch_of(second), slot=slot)))
    assert f'value="{TYPED["name"]}"' in page
    assert f'value="{TYPED["email"]}"' in page
    assert TYPED["note"] not in page


def test_nobodys_form_is_empty(slot: datetime) -> None:
    make_booking(make_voucher(make_offer()), start=slot, name=TYPED["name"], email=TYPED["email"])
    second = make_voucher(make_offer(title="Dinner"))
    page = text_of(browser_of().get(address(voucher=batch_of(second), slot=slot)))
    assert TYPED["name"] not in page
    assert TYPED["email"] not in page


def test_a_guest_with_as_many_bookings_as_the_offer_allows_is_refused(slot: datetime) -> None:
    vouchers = make_vouchers(make_offer(capacity=3, max_per_guest=1), 3)
    client = browser_of()
    book(client, batch_of(vouchers[0]), slot)
    with unchanged():
        response = book(client, batch_of(vouchers[0]), slot + timedelta(hours=1))
    assert response.status_code == 409
    assert "You have a booking of this already." in text_of(response)


def test_a_second_browser_with_the_same_address_is_the_same_guest_to_the_limit(slot: datetime) -> None:
    vouchers = make_vouchers(make_offer(capacity=3, max_per_guest=1), 3)
    book(browser_of(), batch_of(vouchers[0]), slot)
    with unchanged():
        response = book(
            browser_of(), batch_of(vouchers[0]), slot + timedelta(hours=1), email=TYPED["email"].upper()
        )
    assert response.status_code == 409


def test_the_last_of_a_batch_gone_meanwhile_is_409(slot: datetime) -> None:
    voucher = make_voucher(make_offer(capacity=3))
    make_booking(voucher, start=slot)
    with unchanged():
        response = book(browser_of(), batch_of(voucher), slot)
    assert response.status_code == 409
    assert "The last of these vouchers has" in text_of(response)


def test_a_voucher_that_expired_while_the_form_was_open_is_409(slot: datetime, clock: Any) -> None:
    voucher = make_voucher(make_offer(), holder_uid=GUEST_UID)
    before = stored()
    clock.shift(timedelta(days=400))
    response = book(browser_of(GUEST_UID), voucher.pk, slot)
    assert response.status_code == 409
    assert stored() == before
    assert "expired" in text_of(response)


def test_a_cancelled_booking_can_be_made_again_with_a_new_form(slot: datetime) -> None:
    voucher = make_voucher(make_offer())
    client = browser_of()
    book(client, batch_of(voucher), slot)
    cancel_booking(booking_id=Booking.objects.get().pk, by=HOTEL_SYSTEM, now=NOW)
    assert book(client, batch_of(voucher), slot).status_code == 303
    assert Booking.objects.standing().count() == 1


def test_a_voucher_that_somebody_else_has_just_taken_is_said_to_be_taken() -> None:
    voucher = make_voucher(make_offer())
    start = NOW + timedelta(days=1, hours=1)
    make_booking(voucher, start=start, holder_uid=OTHER_UID)
    with unchanged():
        response = book(browser_of(), voucher.pk, start)
    assert response.status_code == 409
    assert "Someone else has just taken this voucher." in words_of(response)
