"""Vouchers over the JSON API: issuing and listing."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from events.models import Event
from tests.api import Api, code_of, make_key
from tests.make import (
    GUEST_UID,
    NOW,
    OTHER_UID,
    make_booking,
    make_hotel,
    make_offer,
    make_voucher,
    make_vouchers,
)
from vouchers.models import Batch, Voucher

pytestmark = pytest.mark.django_db
FIELDS = {"title": "Spa hour", "valid_from": "2026-03-02T00:00:00Z", "valid_until": "2026-04-02T00:00:00Z"}


@pytest.fixture
def api(settings: Any) -> Api:
    settings.API_READS_PER_MINUTE = settings.API_WRITES_PER_MINUTE = 100_000
    return Api()


def test_a_voucher_is_issued_from_its_fields(api: Api) -> None:
    body = {
        **FIELDS,
        "service_type": "hotel.spa",
        "description": "One hour – ☕",
        "duration_minutes": 90,
        "price_amount": 99.5,
        "price_currency": "CHF",
        "transferable": True,
        "terms": {"Age": 16, "Towels": [True, None, 1.5]},
        "holder_uid": GUEST_UID,
    }
    response = api.post("voucher/issue", body)
    voucher = Voucher.objects.get()
    assert response.json() == {
        "ok": True,
        "voucher": {
            **body,
            "id": voucher.pk,
            "issuer_uid": "hotel-a",
            "status": "issued",
            "created_at": "2026-03-02T08:00:00Z",
            "offer_id": None,
        },
    }
    assert b'"price_amount":99.50,' in response.content
    assert voucher.price_amount == Decimal("99.50")


def test_what_is_not_given_is_as_documented(api: Api) -> None:
    make_hotel("hotel-b", default_currency="SEK")
    voucher = Api(hotel=make_hotel("hotel-b")).post("voucher/issue", FIELDS).json()["voucher"]
    assert (voucher["service_type"], voucher["duration_minutes"]) == ("hotel.booking", 60)
    assert (voucher["price_amount"], voucher["price_currency"]) == (None, "SEK")
    assert (voucher["holder_uid"], voucher["transferable"], voucher["terms"]) == (None, False, {})


def test_an_offers_terms_are_copied(api: Api) -> None:
    offer = make_offer(duration_minutes=45, price_amount=Decimal("20"), terms={"Age": "16"})
    voucher = api.post("voucher/issue", {"offer": offer.pk}).json()["voucher"]
    assert (voucher["offer_id"], voucher["duration_minutes"]) == (offer.pk, 45)
    assert voucher["terms"] == {"Age": "16"}
    assert voucher["valid_from"] == "2026-03-02T08:00:00Z"
    until = api.post("voucher/issue", {"offer": offer.pk, "valid_until": "2026-05-01T00:00:00+02:00"})
    assert until.json()["voucher"]["valid_until"] == "2026-04-30T22:00:00Z"


def test_many_are_issued_in_one_transaction(api: Api) -> None:
    offer = make_offer()
    vouchers = api.post("voucher/issue", {"offer": offer.pk, "count": 1000}).json()["vouchers"]
    assert len({voucher["id"] for voucher in vouchers}) == Voucher.objects.count() == 1000
    assert Batch.objects.get().open_issued == 1000
    assert Event.objects.filter(type="voucher.issue").count() == 1000


def test_a_count_of_one_is_a_list(api: Api) -> None:
    assert len(api.post("voucher/issue", {**FIELDS, "count": 1}).json()["vouchers"]) == 1


def test_the_journal_names_the_key() -> None:
    key, secret = make_key(make_hotel())
    Api(secret).post("voucher/issue", FIELDS)
    assert Event.objects.get(type="voucher.issue").actor_id == f"system:{key.pk}"


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"valid_until": FIELDS["valid_from"]}, 422, "validity_out_of_range"),
        ({"valid_from": "0001-01-01T00:00:00+10:00"}, 422, "validity_out_of_range"),
        ({"valid_until": "9999-12-31T23:59:59-10:00"}, 422, "validity_out_of_range"),
        ({"valid_until": "2026-02-30T00:00:00Z"}, 400, "request_malformed"),
        ({"valid_until": "2026-03-30"}, 400, "request_malformed"),
        ({"valid_until": "2026-03-30T00:00:00"}, 400, "request_malformed"),
        ({"valid_until": 1790000000}, 400, "request_malformed"),
        ({"title": ""}, 400, "request_malformed"),
        ({"title": "x" * 121}, 400, "request_malformed"),
        ({"title": "a\x00b"}, 422, "voucher_invalid"),
        ({"terms": {"a": "\x00"}}, 422, "voucher_invalid"),
        ({"terms": {"a": 10**30}}, 422, "voucher_invalid"),
        ({"terms": [1]}, 400, "request_malformed"),
        ({"terms": {"a": "x" * 8000}}, 422, "voucher_invalid"),
        ({"price_amount": "99.50"}, 400, "request_malformed"),
        ({"price_amount": True}, 400, "request_malformed"),
        ({"price_amount": -1}, 400, "request_malformed"),
        ({"price_amount": 1e300}, 400, "request_malformed"),
        ({"price_amount": 0.001}, 422, "voucher_invalid"),
        ({"price_currency": "eur"}, 400, "request_malformed"),
        ({"duration_minutes": 0}, 400, "request_malformed"),
        ({"duration_minutes": "60"}, 400, "request_malformed"),
        ({"transferable": 1}, 400, "request_malformed"),
        ({"status": "booked"}, 400, "request_malformed"),
        ({"id": "v-mine"}, 400, "request_malformed"),
        ({"issuer_uid": "hotel-b"}, 403, "issuer_foreign"),
        ({"holder_uid": ""}, 400, "request_malformed"),
    ],
)
def test_a_voucher_that_cannot_be_is_refused(
    api: Api, fields: dict[str, Any], status: int, code: str
) -> None:
    assert code_of(api.post("voucher/issue", {**FIELDS, **fields})) == (status, code)
    assert not Voucher.objects.exists()
    assert not Batch.objects.exists()


def test_an_offer_and_fields_at_once_are_refused(api: Api) -> None:
    response = api.post("voucher/issue", {**FIELDS, "offer": make_offer().pk})
    assert code_of(response) == (400, "request_malformed")
    assert list(response.json()["fields"]) == ["title"]


def test_an_offer_that_is_switched_off_is_refused(api: Api) -> None:
    offer = make_offer(is_active=False)
    assert code_of(api.post("voucher/issue", {"offer": offer.pk})) == (422, "offer_inactive")


def ids(response: Any) -> list[str]:
    return [voucher["id"] for voucher in response.json()["items"]]


def test_the_list_is_newest_first_and_paged_without_gaps(api: Api, clock: Any) -> None:
    expected = []
    for _number in range(7):
        clock.shift(1)
        expected.insert(0, make_voucher(now=NOW + timedelta(seconds=len(expected))).pk)
    found: list[str] = []
    cursor = ""
    for number in (3, 3, 1):
        page = api.get("voucher/list", limit=3, cursor=cursor)
        assert len(ids(page)) == number
        found += ids(page)
        cursor = page.json()["next_cursor"]
    assert cursor is None
    assert found == expected


def test_a_page_that_ends_the_list_has_no_next(api: Api) -> None:
    make_vouchers(count=3)
    assert api.get("voucher/list", limit=3).json()["next_cursor"] is None
    assert api.get("voucher/list", limit=2).json()["next_cursor"] is not None


def test_every_filter_chooses(api: Api, clock: Any) -> None:
    offer = make_offer()
    held = make_voucher(offer, holder_uid=GUEST_UID)
    plain = make_voucher(valid_until=NOW + timedelta(days=2))
    booked = make_booking(
        make_voucher(offer), holder_uid=OTHER_UID, start=NOW + timedelta(days=1, hours=2)
    ).voucher
    assert set(ids(api.get("voucher/list"))) == {held.pk, plain.pk, booked.pk}
    assert ids(api.get("voucher/list", status="booked")) == [booked.pk]
    assert ids(api.get("voucher/list", holder_uid=GUEST_UID)) == [held.pk]
    assert ids(api.get("voucher/list", service_type="hotel.booking")) == [plain.pk]
    assert set(ids(api.get("voucher/list", offer=offer.pk))) == {held.pk, booked.pk}
    assert set(ids(api.get("voucher/list", valid_on="2026-03-05"))) == {held.pk, booked.pk}
    assert ids(api.get("voucher/list", valid_on="2026-03-01")) == []
    clock.shift(timedelta(days=3))
    assert ids(api.get("voucher/list", status="expired")) == [plain.pk]
    assert plain.pk not in ids(api.get("voucher/list", status="issued"))


def test_a_day_is_a_day_of_the_hotels_clock() -> None:
    hotel = make_hotel("tokyo", time_zone="Asia/Tokyo")
    make_voucher(hotel=hotel, valid_from=NOW, valid_until=NOW + timedelta(hours=8))
    api = Api(hotel=hotel)
    # 08:00 to 16:00 UTC is 17:00 to 01:00 in Tokyo.
    assert len(ids(api.get("voucher/list", valid_on="2026-03-03"))) == 1
    assert len(ids(api.get("voucher/list", valid_on="2026-03-01"))) == 0


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"limit": 0}, 400, "request_malformed"),
        ({"limit": 201}, 400, "request_malformed"),
        ({"status": "lost"}, 400, "request_malformed"),
        ({"valid_on": "2026-13-01"}, 400, "request_malformed"),
        ({"valid_on": "0001-01-01"}, 200, ""),
        ({"valid_on": "9999-12-31"}, 200, ""),
        ({"cursor": "a b"}, 422, "cursor_invalid"),
        ({"cursor": "x" * 101}, 400, "request_malformed"),
        ({"holder_uid": "a\x00b"}, 200, ""),
        ({"offer": "a\x00b"}, 200, ""),
    ],
)
def test_a_query_is_refused_or_finds_nothing(api: Api, query: dict[str, Any], status: int, code: str) -> None:
    assert code_of(api.get("voucher/list", **query)) == (status, code)


@pytest.mark.parametrize("number", [1, 50])
def test_a_page_costs_the_same_whatever_is_on_it(
    api: Api, django_assert_num_queries: Any, number: int
) -> None:
    make_vouchers(make_offer(), count=number)
    api.get("voucher/list")
    with django_assert_num_queries(3):
        assert len(ids(api.get("voucher/list"))) == number


@pytest.mark.parametrize("levels", [32, 33, 253, 900, 20_000])
@pytest.mark.parametrize(("opens", "closes"), [('{"a":', "}"), ("[", "]")])
def test_terms_are_shown_again_or_refused_however_deep(
    api: Api, levels: int, opens: str, closes: str
) -> None:
    deep = opens * (levels - 1) + "1" + closes * (levels - 1)
    response = api.post("voucher/issue", json.dumps(FIELDS)[:-1] + f', "terms": {{"a": {deep}}}}}')
    # Python's own reader gives up somewhere below a thousand levels.
    assert response.status_code in ((200,) if levels == 32 else (422,) if levels < 900 else (400, 422))
    assert len(ids(api.get("voucher/list"))) == (levels == 32)


def test_a_name_that_comes_twice_in_a_body_is_refused(api: Api) -> None:
    response = api.post("voucher/issue", json.dumps(FIELDS)[:-1] + ', "title": "Other"}')
    assert code_of(response) == (400, "request_malformed")
    assert list(response.json()["fields"]) == ["title"]
    assert not Voucher.objects.exists()


@pytest.mark.parametrize("number", [1e30, -1e30, 9.3e18, 2**63, -(2**63) - 1])
def test_terms_hold_no_number_that_a_database_gives_back_as_another(number: float) -> None:
    api = Api()
    before = Voucher.objects.count()
    fields = {"title": "x", "valid_from": "2026-03-02T00:00:00Z", "valid_until": "2099-04-02T00:00:00Z"}
    answer = api.post("voucher/issue", {**fields, "terms": {"number": number}})
    assert code_of(answer) == (422, "voucher_invalid")
    assert Voucher.objects.count() == before
    assert api.get("voucher/list").status_code == 200
