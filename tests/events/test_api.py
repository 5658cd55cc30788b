"""The journal over the JSON API."""

from typing import Any

import pytest

from events.models import Event
from tests.api import Api, code_of, make_key
from tests.make import make_booking, make_hotel, make_voucher

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(settings: Any) -> Api:
    settings.API_READS_PER_MINUTE = settings.API_WRITES_PER_MINUTE = 100_000
    api = Api()
    Event.objects.all().delete()
    return api


def test_the_journal_is_followed_without_gaps_or_repeats(api: Api) -> None:
    for _number in range(5):
        make_voucher()
    found: list[str] = []
    after = ""
    while True:
        page = api.get("events", after=after, limit=2).json()
        if not page["items"]:
            break
        found += [item["id"] for item in page["items"]]
        after = page["next_after"]
    assert len(found) == len(set(found)) == 5
    assert page["next_after"] == after
    made = make_voucher()
    assert [item["subject_id"] for item in api.get("events", after=after).json()["items"]] == [made.pk]


def test_an_empty_journal_has_no_place_to_go_on_from(api: Api) -> None:
    assert api.get("events").json() == {"ok": True, "items": [], "next_after": None}


def test_events_are_chosen_by_type_and_subject(api: Api) -> None:
    booking = make_booking()
    other = make_voucher()
    assert [item["type"] for item in api.get("events", subject_id=booking.voucher_id).json()["items"]] == [
        "voucher.issue",
        "voucher.book",
    ]
    booked = api.get("events", type="voucher.book").json()["items"]
    assert [item["meta"]["booking_id"] for item in booked] == [booking.pk]
    assert len(api.get("events", subject_id=other.pk).json()["items"]) == 1
    assert api.get("events", type="voucher.lost").json()["items"] == []


def test_the_journal_is_the_hotels_own(api: Api) -> None:
    make_voucher(hotel=make_hotel("hotel-b"))
    own = make_voucher()
    assert [item["subject_id"] for item in api.get("events").json()["items"]] == [own.pk]
    everyone = Api(make_key(None)[1])
    assert {item["issuer_uid"] for item in everyone.get("events", type="voucher.issue").json()["items"]} == {
        "hotel-a",
        "hotel-b",
    }


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"after": "e-ghost"}, 422, "cursor_invalid"),
        ({"after": "\x00"}, 422, "cursor_invalid"),
        ({"type": "\x00"}, 200, ""),
        ({"subject_id": "\x00"}, 200, ""),
        ({"limit": 201}, 400, "request_malformed"),
    ],
)
def test_a_query_is_refused_or_finds_nothing(api: Api, query: dict[str, Any], status: int, code: str) -> None:
    assert code_of(api.get("events", **query)) == (status, code)
