"""What pages remember while nothing changes, and that every change is seen."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bookings.domain import cancel_booking
from bookings.holds import hold_slot, release_hold
from events.models import Event
from portal import freshness
from portal.freshness import mark_at
from portal.ids import id_since
from tests.api import Api
from tests.make import (
    CLERK,
    GUEST_UID,
    NOW,
    OTHER_UID,
    make_booking,
    make_offer,
    make_voucher,
    make_vouchers,
)
from tests.web import TYPED, address, browser_of, fragment, text_of, words_of
from vouchers.models import Batch, Offer, Voucher

pytestmark = pytest.mark.django_db

START = NOW + timedelta(days=1, hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def memory(settings: Any) -> Iterator[None]:
    settings.PAGE_MEMORY = True
    freshness.forget()
    yield
    freshness.forget()


@pytest.fixture
def batch() -> Batch:
    voucher = make_vouchers(make_offer(), 3)[0]
    assert voucher.batch is not None
    return voucher.batch


def pages(batch: Batch) -> list[tuple[str, dict[str, str]]]:
    """Addresses whose answers are remembered, with the headers that ask for them."""
    calendar = address(voucher=batch.pk, month="2026-03")
    day = address(voucher=batch.pk, day="2026-03-03")
    return [
        ("/", {}),
        ("/?status=issued", fragment("voucher-list")),
        (calendar, {}),
        (calendar, fragment("slot-calendar")),
        (day, fragment("day-slots")),
    ]


def asked(client: Client, path: str, headers: dict[str, str]) -> tuple[Any, int]:
    with CaptureQueriesContext(connection) as queries:
        response = client.get(path, headers=headers)
    return response, len(queries)


def test_what_has_not_changed_is_answered_again_for_one_statement(batch: Batch) -> None:
    client = browser_of()
    for path, headers in pages(batch):
        first, _number = asked(client, path, headers)
        again, number = asked(client, path, headers)
        assert (number, again.status_code) == (1, 200)
        assert text_of(again) == text_of(first)


def test_a_browser_that_has_the_page_is_told_that_it_is_still_so(batch: Batch) -> None:
    client = browser_of()
    client.get("/")
    for path, headers in pages(batch):
        first = client.get(path, headers=headers)
        again, number = asked(client, path, {**headers, "If-None-Match": first.headers["ETag"]})
        assert (number, again.status_code, again.content) == (1, 304, b"")
        for name in ("ETag", "Cache-Control", "Vary"):
            assert again.headers[name] == first.headers[name]


def changes(batch: Batch) -> dict[str, Any]:
    vouchers = list(batch.vouchers.order_by("pk"))
    return {
        "booked": lambda: make_booking(vouchers[0], start=START, holder_uid=OTHER_UID),
        "cancelled": lambda: cancel_booking(booking_id=vouchers[0].bookings.get().pk, by=CLERK, now=NOW),
        "held": lambda: hold_slot(promise=batch, start=START, guest_uid=OTHER_UID, now=NOW),
        "given back": lambda: release_hold(guest_uid=OTHER_UID, start=START),
        "issued": lambda: make_voucher(batch.offer),
    }


def test_every_change_is_seen_at_once(batch: Batch) -> None:
    client = browser_of()
    client.get("/")
    for name, change in changes(batch).items():
        tags = [client.get(path, headers=headers).headers["ETag"] for path, headers in pages(batch)]
        change()
        for (path, headers), tag in zip(pages(batch), tags, strict=True):
            response = client.get(path, headers={**headers, "If-None-Match": tag})
            assert response.status_code == 200, (name, path)
            freshness.forget()
            assert text_of(response) == text_of(client.get(path, headers=headers)), (name, path)


def test_what_no_event_tells_is_seen_a_minute_later(batch: Batch, clock: time_machine.Traveller) -> None:
    client = browser_of()
    assert "Spa hour" in words_of(client.get("/"))
    Batch.objects.update(title="Sauna")
    assert "Spa hour" in words_of(client.get("/"))
    clock.shift(MINUTE)
    assert "Sauna" in words_of(client.get("/"))


def test_an_event_that_is_committed_after_a_younger_one_is_noticed(batch: Batch) -> None:
    young = Event.objects.get(pk=Event.objects.order_by("-pk").first().pk)
    before = mark_at(NOW)
    young.pk = id_since("e", NOW - MINUTE) + "-late"
    young.save(force_insert=True)
    assert mark_at(NOW) != before


def test_nobody_gets_what_another_guest_sees(batch: Batch) -> None:
    make_vouchers(batch.offer, 1, holder_uid=GUEST_UID)
    mine, theirs = browser_of(GUEST_UID), browser_of(OTHER_UID)
    mine.get("/")
    theirs.get("/")
    page = mine.get("/")
    assert "yours" in words_of(page)
    assert "yours" not in words_of(theirs.get("/"))
    assert theirs.get("/", headers={"If-None-Match": page.headers["ETag"]}).status_code == 200
    own = Voucher.objects.get(holder_uid=GUEST_UID)
    assert mine.get(address(voucher=own.pk)).status_code == 200
    assert theirs.get(address(voucher=own.pk)).status_code == 404


def test_languages_and_tokens_are_not_mixed_up(batch: Batch) -> None:
    client = browser_of()
    client.get("/")
    tag = client.get("/").headers["ETag"]
    assert client.get("/", headers={"If-None-Match": tag}).status_code == 304
    german = client.get("/", headers={"If-None-Match": tag, "Accept-Language": "de"})
    assert (german.status_code, german.headers["Content-Language"]) == (200, "de")
    del client.cookies["csrftoken"]
    assert client.get("/", headers={"If-None-Match": tag}).status_code == 200


def test_the_form_of_a_time_is_new_each_time(batch: Batch) -> None:
    client = browser_of()
    path = address(voucher=batch.pk, day="2026-03-03", slot=START)
    first = client.get(path)
    assert "ETag" not in first.headers
    keys = {client.get(path).context["page"].booking_form.initial["form_key"] for _each in range(2)}
    assert len(keys) == 2


def test_who_books_is_answered_by_what_is_so_now(batch: Batch) -> None:
    client = browser_of()
    path = address(voucher=batch.pk, day="2026-03-03", slot=START)
    client.get(path)
    Offer.objects.update(capacity=1)
    make_booking(batch.vouchers.first(), start=START, holder_uid=OTHER_UID)
    assert client.post(path, TYPED).status_code == 409


def test_a_page_that_went_wrong_is_not_said_to_be_still_so(batch: Batch) -> None:
    response = browser_of().get("/?after=nonsense")
    assert response.status_code >= 400
    assert "ETag" not in response.headers


def test_systems_are_told_free_slots_again_until_one_is_taken(batch: Batch) -> None:
    first, second = batch.vouchers.order_by("pk")[:2]
    api = Api()
    told = api.get("slots/available", voucher_id=first.pk, from_="2026-03-03", to="2026-03-04")
    Offer.objects.update(capacity=7)
    again = api.get("slots/available", voucher_id=first.pk, from_="2026-03-03", to="2026-03-04")
    assert again.json() == told.json()
    make_booking(second, start=START, holder_uid=OTHER_UID)
    fresh = api.get("slots/available", voucher_id=first.pk, from_="2026-03-03", to="2026-03-04")
    assert {slot["places"] for slot in fresh.json()["items"]} == {6, 7}
    assert {slot["places"] for slot in told.json()["items"]} == {1}
