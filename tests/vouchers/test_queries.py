"""The guest's list: what it counts is what it shows, page by page, and nobody sees what is not theirs."""

import base64
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise, product

import pytest

from bookings.domain import cancel_booking, withdraw_voucher
from portal.actors import CLOCK
from portal.errors import Rejected
from tests.make import (
    CLERK,
    GUEST_UID,
    NOW,
    OTHER_UID,
    make_booking,
    make_hotel,
    make_offer,
    make_voucher,
    make_vouchers,
)
from vouchers import queries
from vouchers.domain import expire_due, redeem_voucher, transfer_voucher
from vouchers.models import Batch, Voucher
from vouchers.queries import (
    SORTS,
    Card,
    Filters,
    card_page,
    status_counts,
)
from vouchers.states import Status

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(days=10)
END = NOW + timedelta(days=30)
STRANGER = "thinker-000000000000"


def fill() -> None:
    """Vouchers in every state, open and held by two guests, in two hotels; some ended, swept or not."""
    one = make_hotel("hotel-a", name="Hotel Azul")
    two = make_hotel("hotel-b", name="Hotel Blau", time_zone="America/New_York")
    plain = {
        "hotel": two,
        "title": "Dinner",
        "service_type": "hotel.dinner",
        "description": "At 100% by the spa",
    }
    spa = make_offer(one, capacity=9)
    soon = NOW + timedelta(days=5)
    for holder_uid in (GUEST_UID, OTHER_UID):
        for valid_until in (soon, END):
            for _number in range(2):
                make_voucher(holder_uid=holder_uid, valid_until=valid_until, **plain)
        make_booking(make_voucher(spa), start=NOW + timedelta(hours=1), holder_uid=holder_uid)
        make_booking(make_voucher(valid_until=soon, **plain), holder_uid=holder_uid)
        held = [make_voucher(holder_uid=holder_uid, **plain) for _number in range(2)]
        redeem_voucher(voucher_id=held[0].pk, by=CLERK, now=NOW)
        withdraw_voucher(voucher_id=held[1].pk, by=CLERK, now=NOW)
    for valid_until in (soon, END):
        make_voucher(valid_until=valid_until, **plain)
        many = make_vouchers(count=6, valid_until=valid_until, **plain)
        redeem_voucher(voucher_id=many[0].pk, by=CLERK, now=NOW)
        withdraw_voucher(voucher_id=many[1].pk, by=CLERK, now=NOW)
        transfer_voucher(voucher_id=many[2].pk, from_uid="", to_uid=GUEST_UID, now=NOW)
        booking = make_booking(many[3], holder_uid=OTHER_UID)
        cancel_booking(booking_id=booking.pk, by=CLERK, now=NOW)
    make_vouchers(spa, 3)
    used_up = make_voucher(spa)
    redeem_voucher(voucher_id=used_up.pk, by=CLERK, now=NOW)
    swept = NOW + timedelta(hours=1)
    make_vouchers(count=2, hotel=one, valid_until=swept)
    make_voucher(hotel=one, valid_until=swept, holder_uid=GUEST_UID)
    assert expire_due(by=CLOCK, now=swept) == 3


def all_cards(guest_uid: str, filters: Filters, now: datetime = LATER) -> list[Card]:
    return [card for page in pages(guest_uid, filters, now) for card in page]


def pages(guest_uid: str, filters: Filters, now: datetime = LATER) -> Iterator[list[Card]]:
    cursor = ""
    while True:
        page = card_page(guest_uid, filters, now=now, cursor=cursor)
        yield page.cards
        cursor = page.cursor
        if not cursor:
            return


def visible(
    vouchers: list[Voucher], guest_uid: str, filters: Filters, now: datetime = LATER
) -> list[Voucher]:
    """Find by looking at each voucher what a guest may see of it."""
    return [
        voucher
        for voucher in vouchers
        if voucher.holder_uid in ("", guest_uid)
        and filters.hotel in ("", voucher.hotel_id)
        and filters.service in ("", voucher.service_type)
        and filters.status in ("", voucher.shown(now))
        and all(
            word.lower() in f"{voucher.title}\n{voucher.description}\n{voucher.hotel.name}".lower()
            for word in filters.search.split()
        )
    ]


def everything() -> list[Voucher]:
    return list(Voucher.objects.select_related("hotel"))


# Counts


CHOSEN = [
    {},
    {"hotel": "hotel-b"},
    {"service": "hotel.spa"},
    {"search": "SPA hotel"},
    {"search": "azul", "hotel": "hotel-b"},
    {"search": "blau", "service": "hotel.dinner", "hotel": "hotel-b"},
]


@pytest.mark.parametrize("guest_uid", ["", GUEST_UID, STRANGER])
def test_counts_are_what_the_list_shows_for_every_filter(guest_uid):
    fill()
    vouchers = everything()
    for now, chosen in product((NOW, LATER, END), CHOSEN):
        counts = status_counts(guest_uid, Filters(**chosen), now=now)
        assert counts[""] == len(visible(vouchers, guest_uid, Filters(**chosen), now))
        for status in Status:
            filters = Filters(status=status, **chosen)
            assert counts[status] == len(visible(vouchers, guest_uid, filters, now)), filters
            if counts[status] or now == LATER:
                cards = all_cards(guest_uid, filters, now)
                assert counts[status] == sum(card.number for card in cards), (filters, cards)
                assert {card.status for card in cards} <= {status}
                assert all(card.number > 0 for card in cards)


def test_the_status_that_is_chosen_does_not_change_the_counts():
    fill()
    all_counts = status_counts(GUEST_UID, Filters(), now=LATER)
    assert all(all_counts.values())
    assert status_counts(GUEST_UID, Filters(status=Status.EXPIRED), now=LATER) == all_counts


def test_an_empty_house_counts_nothing():
    assert set(status_counts(GUEST_UID, Filters(), now=NOW).values()) == {0}
    assert card_page(GUEST_UID, Filters(), now=NOW).cards == []


# Cards


@pytest.mark.parametrize("sort", SORTS)
def test_paging_meets_every_card_once_and_in_order(sort, monkeypatch):
    fill()
    vouchers = everything()
    for status in ("", Status.ISSUED, Status.EXPIRED):
        filters = Filters(sort=sort, status=status)
        monkeypatch.setattr(queries, "PAGE_SIZE", 100)
        whole = [card.key for card in all_cards(GUEST_UID, filters)]
        seen = visible(vouchers, GUEST_UID, filters)
        assert len(whole) == len(set(whole))
        assert set(whole) == {voucher.pk if voucher.holder_uid else voucher.batch_id for voucher in seen}
        for size in (1, 3):
            monkeypatch.setattr(queries, "PAGE_SIZE", size)
            found = list(pages(GUEST_UID, filters))
            assert [len(page) for page in found[:-1]] == [size] * (len(found) - 1)
            assert 0 < len(found[-1]) <= size
            assert [card.key for page in found for card in page] == whole


def test_a_page_has_twenty_cards():
    make_vouchers(count=20, holder_uid=GUEST_UID)
    assert [len(page) for page in pages(GUEST_UID, Filters(), NOW)] == [20]
    make_voucher()
    assert [len(page) for page in pages(GUEST_UID, Filters(), NOW)] == [20, 1]


def test_own_vouchers_come_before_open_ones():
    fill()
    own = [card.is_own for card in all_cards(GUEST_UID, Filters())]
    assert own == sorted(own, reverse=True)
    assert set(own) == {True, False}


def test_what_ends_first_comes_first_and_what_is_over_last():
    fill()
    for guest_uid in ("", GUEST_UID):
        cards = [card for card in all_cards(guest_uid, Filters()) if card.is_own == bool(guest_uid)]
        usable = {Status.ISSUED, Status.BOOKED}
        places = [(card.status not in usable, card.promise.valid_until) for card in cards]
        assert places == sorted(places)
        assert len({is_over for is_over, _end in places}) == 2


def test_titles_and_newest_first_are_orders_too():
    fill()
    for before, after in pairwise(all_cards("", Filters(sort="title"))):
        assert (before.promise.title, before.key) < (after.promise.title, after.key)
    for before, after in pairwise(all_cards("", Filters(sort="newest"))):
        assert before.key > after.key


def test_a_batch_is_one_card_with_the_number_that_is_left():
    vouchers = make_vouchers(count=3)
    redeem_voucher(voucher_id=vouchers[0].pk, by=CLERK, now=NOW)
    (card,) = card_page("", Filters(), now=NOW).cards
    assert (card.key, card.number, card.status, card.is_own) == (vouchers[0].batch_id, 2, "issued", False)
    assert isinstance(card.promise, Batch)
    (card,) = card_page("", Filters(status=Status.CONSUMED), now=NOW).cards
    assert (card.number, card.status) == (1, "consumed")


def test_a_batch_that_has_ended_is_shown_so_before_any_sweep():
    make_vouchers(count=3)
    (card,) = card_page("", Filters(), now=END).cards
    assert (card.number, card.status) == (3, "expired")
    assert card_page("", Filters(status=Status.ISSUED), now=END).cards == []


def test_a_batch_whose_vouchers_are_all_held_is_no_card():
    make_booking(make_voucher())
    assert card_page("", Filters(), now=NOW).cards == []


def test_a_search_takes_signs_of_the_database_as_they_are():
    make_voucher(description="At 100% by the spa")
    assert len(all_cards("", Filters(search="100%"))) == 1
    for search in ("_", "%%", "1%0", "\\", "'", '"'):
        assert all_cards("", Filters(search=search)) == [], search


def test_every_word_of_a_search_has_to_be_found_somewhere():
    make_voucher(hotel=make_hotel("hotel-b", name="Hotel Blau"), title="Dinner", description="By candlelight")
    make_voucher(title="Dinner")
    assert len(all_cards("", Filters(search="blau DINNER candle"))) == 1
    assert all_cards("", Filters(search="blau lunch")) == []


# Nobody sees what is not theirs


def test_nobody_sees_another_guests_voucher():
    fill()
    for guest_uid, status, sort in product(("", GUEST_UID, OTHER_UID, STRANGER), ("", *Status), SORTS):
        for card in all_cards(guest_uid, Filters(status=status, sort=sort)):
            if card.is_own:
                assert card.promise.holder_uid == guest_uid != ""
            else:
                assert isinstance(card.promise, Batch)


def test_a_guest_may_see_open_vouchers_and_their_own():
    make_voucher()
    for holder_uid in (GUEST_UID, OTHER_UID):
        make_voucher(holder_uid=holder_uid)
    for guest_uid in ("", GUEST_UID):
        seen = set(Voucher.objects.visible_to(guest_uid).values_list("holder_uid", flat=True))
        assert seen == {"", guest_uid}


def test_a_browser_without_a_guest_holds_nothing_not_even_what_is_open():
    make_voucher()
    make_voucher(holder_uid=GUEST_UID)
    assert not Voucher.objects.held_by("").exists()
    assert set(Voucher.objects.held_by(GUEST_UID).values_list("holder_uid", flat=True)) == {GUEST_UID}
    assert set(Voucher.objects.open().values_list("holder_uid", flat=True)) == {""}


def test_another_guests_cursor_shows_none_of_their_vouchers(monkeypatch):
    make_vouchers(count=3, holder_uid=GUEST_UID)
    make_vouchers(count=3, holder_uid=OTHER_UID, valid_until=END + timedelta(days=1))
    monkeypatch.setattr(queries, "PAGE_SIZE", 2)
    cursor = card_page(GUEST_UID, Filters(), now=LATER).cursor
    for stranger in ("", OTHER_UID):
        cards = card_page(stranger, Filters(), now=LATER, cursor=cursor).cards
        assert bool(cards) == bool(stranger)
        assert all(not card.is_own or card.promise.holder_uid == stranger for card in cards)


# Cursors


def cursor_of(*content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


ENDING = "2026-03-02T08:00:00+00:00"


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "xx",
        "=",
        "%",
        "é",
        "\U0001f3e8",
        "\x00",
        "A" * 5000,
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
        base64.urlsafe_b64encode(b"9" * 10_000).decode(),
        cursor_of(),
        cursor_of("own"),
        cursor_of("own", "ending"),
        cursor_of("own", "ending", None),
        cursor_of("own", "ending", []),
        cursor_of("own", "ending", [False, ENDING]),
        cursor_of("own", "ending", [False, ENDING, "v-1", "more"]),
        cursor_of("theirs", "ending", [False, ENDING, "v-1"]),
        cursor_of(["own"], "ending", [False, ENDING, "v-1"]),
        cursor_of("own", "lost", [False, ENDING, "v-1"]),
        cursor_of("own", ["ending"], [False, ENDING, "v-1"]),
        cursor_of("own", "title", ["Spa", "v-1"]),
        cursor_of("own", "ending", ["x", ENDING, "v-1"]),
        cursor_of("own", "ending", [None, ENDING, "v-1"]),
        cursor_of("own", "ending", [1, ENDING, "v-1"]),
        cursor_of("own", "ending", [False, 5, "v-1"]),
        cursor_of("own", "ending", [False, True, "v-1"]),
        cursor_of("own", "ending", [False, "soon", "v-1"]),
        cursor_of("own", "ending", [False, "2026-03-02T08:00:00", "v-1"]),
        cursor_of("own", "ending", [False, "9999-12-31T23:59:59-14:00", "v-1"]),
        cursor_of("own", "ending", [False, "0001-01-01T00:00:00+14:00", "v-1"]),
        cursor_of("own", "ending", [False, ENDING, 5]),
        cursor_of("own", "ending", [False, ENDING, True]),
        cursor_of("own", "ending", [False, ENDING, None]),
        cursor_of("own", "ending", [False, ENDING, {"a": 1}]),
        cursor_of("own", "ending", [False, ENDING, "v-\x00"]),
        cursor_of("own", "ending", [False, ENDING, "v-\ud800"]),
    ],
    ids=lambda cursor: ascii(cursor)[:60],
)
def test_a_cursor_that_the_list_did_not_make_is_refused(cursor):
    make_voucher(holder_uid=GUEST_UID)
    with pytest.raises(Rejected) as refusal:
        card_page(GUEST_UID, Filters(), now=NOW, cursor=cursor)
    assert refusal.value.code == "cursor_invalid"


@pytest.mark.parametrize(
    ("made_for", "used_for"), [pair for pair in product(SORTS, SORTS) if len(set(pair)) > 1]
)
def test_a_cursor_is_good_for_its_own_order_only(made_for, used_for, monkeypatch):
    make_vouchers(), make_vouchers()
    monkeypatch.setattr(queries, "PAGE_SIZE", 1)
    cursor = card_page("", Filters(sort=made_for), now=NOW).cursor
    assert card_page("", Filters(sort=made_for), now=NOW, cursor=cursor).cards
    with pytest.raises(Rejected) as refusal:
        card_page("", Filters(sort=used_for), now=NOW, cursor=cursor)
    assert refusal.value.code == "cursor_invalid"


def test_a_place_between_two_cards_is_a_place():
    late = make_voucher(valid_until=END + timedelta(days=1))
    make_voucher()
    cursor = cursor_of("open", "ending", [False, END.isoformat(), "z"])
    assert [card.key for card in card_page("", Filters(), now=NOW, cursor=cursor).cards] == [late.batch_id]
