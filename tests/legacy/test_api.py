"""The earlier system's calls: its shapes, none of its defects."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from access.domain import create_key
from bookings.models import Booking
from events.models import Event
from portal.callers import Scope
from tests.api import make_key
from tests.make import GUEST_UID, HOTEL_SYSTEM, NOW, OTHER_UID, make_hotel, make_voucher
from tests.servers import manage
from vouchers.models import Hotel, Voucher

pytestmark = pytest.mark.django_db
VALID = {"validFrom": "2026-03-02T08:00:00.123Z", "validUntil": "2026-03-05T08:00:00.000Z"}


@pytest.fixture(autouse=True)
def clock(settings: Any) -> Iterator[Any]:
    settings.API_READS_PER_MINUTE = settings.API_WRITES_PER_MINUTE = 100_000
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


class OldClient:
    """A script of the earlier system's time."""

    def __init__(self, secret: str) -> None:
        self._client = Client(raise_request_exception=False, headers={"X-TS-APIKEY": secret})

    def get(self, path: str, **query: Any) -> tuple[int, Any]:
        return self._read(self._client.get(f"/legacy/api/{path}", query))

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body)
        return self._read(self._client.post(f"/legacy/api/{path}", data, content_type="application/json"))

    @staticmethod
    def _read(response: Any) -> tuple[int, Any]:
        content = json.loads(response.content)
        assert content["ok"] is (response.status_code == 200)
        if not content["ok"]:
            assert isinstance(content["error"], str)
            assert content["error"]
            assert "Traceback" not in content["error"]
        return response.status_code, content


@pytest.fixture
def old() -> OldClient:
    return OldClient(make_key(make_hotel())[1])


@pytest.fixture
def platform() -> OldClient:
    return OldClient(make_key(None)[1])


def issued(client: OldClient, **fields: Any) -> dict[str, Any]:
    status, content = client.post("voucher/issue", {"issuerUid": "hotel-a", **VALID, **fields})
    assert status == 200, content
    voucher: dict[str, Any] = content["voucher"]
    return voucher


def booked(client: OldClient, voucher: dict[str, Any], number: int = 0, holder: str = GUEST_UID) -> Any:
    slots = client.get("slots/available", voucherId=voucher["voucherId"])[1]["items"]
    wish = {"voucherId": voucher["voucherId"], "slotId": slots[number]["slotId"], "holderUid": holder}
    return client.post("voucher/book", wish)


def test_the_whole_path_of_an_old_client(old: OldClient) -> None:
    assert old.get("voucher/list", holderUid="test") == (200, {"ok": True, "items": []})
    plain = issued(old)
    priced = issued(
        old,
        price={"amount": 9950, "currency": "EUR"},
        holderUid=GUEST_UID,
        title="Spa",
        serviceType="hotel.spa",
        terms={"a": [1]},
        transferable=True,
    )
    assert plain == {
        "voucherId": plain["voucherId"],
        "issuerUid": "hotel-a",
        "holderUid": None,
        "serviceType": "generic.service",
        "title": "Unbenannter Service",
        "description": "",
        "durationMinutes": 60,
        **VALID,
        "price": None,
        "status": "issued",
        "transferable": False,
        "terms": {},
        "createdAt": "2026-03-02T08:00:00.000Z",
    }
    assert priced["price"] == {"amount": 9950, "currency": "EUR"}
    assert (priced["title"], priced["terms"], priced["transferable"]) == ("Spa", {"a": [1]}, True)
    by_issuer = old.get("voucher/list", issuerUid="hotel-a")[1]["items"]
    assert {voucher["voucherId"] for voucher in by_issuer} == {plain["voucherId"], priced["voucherId"]}
    assert old.get("voucher/list", holderUid=GUEST_UID)[1]["items"] == [priced]

    status, content = booked(old, plain, 3)
    booking = content["booking"]
    assert status == 200
    assert booking == {
        "bookingId": booking["bookingId"],
        "voucherId": plain["voucherId"],
        "issuerUid": "hotel-a",
        "holderUid": GUEST_UID,
        "slotId": "slot-2026-03-02T11:00:00.123Z",
        "slotStart": "2026-03-02T11:00:00.123Z",
        "slotEnd": "2026-03-02T12:00:00.123Z",
        "status": "booked",
        "cancelReason": None,
        "createdAt": "2026-03-02T08:00:00.000Z",
        "cancelledAt": None,
    }
    assert content["voucher"]["status"] == "booked"
    for query in ({"holderUid": GUEST_UID}, {"voucherId": plain["voucherId"]}, {"issuerUid": "hotel-a"}):
        assert old.get("voucher/bookings", **query)[1]["items"] == [booking]

    status, content = old.post("voucher/cancel", {"bookingId": booking["bookingId"], "reason": "Flu"})
    assert (status, content["booking"]["status"], content["booking"]["cancelReason"]) == (
        200,
        "cancelled",
        "Flu",
    )
    assert content["voucher"]["status"] == "issued"
    assert booked(old, plain)[0] == 200
    # A second cancel of the first booking reopens nothing.
    status, content = old.post("voucher/cancel", {"bookingId": booking["bookingId"]})
    assert (status, content["voucher"]["status"]) == (200, "booked")
    assert old.post("voucher/cancel", {"voucherId": plain["voucherId"]})[0] == 200
    assert old.post("voucher/cancel", {"voucherId": plain["voucherId"]})[0] == 404


@pytest.mark.parametrize(("minutes", "number"), [(30, 72), (60, 72), (90, 71), (1440, 49)])
def test_slots_begin_every_hour_from_the_first_millisecond(old: OldClient, minutes: int, number: int) -> None:
    voucher = issued(
        old,
        durationMinutes=minutes,
        validFrom="2026-03-02T08:00:00.123Z",
        validUntil="2026-03-05T08:00:00.123Z",
    )
    slots = old.get("slots/available", voucherId=voucher["voucherId"])[1]["items"]
    assert len(slots) == number
    assert slots[0]["slotId"] == "slot-2026-03-02T08:00:00.123Z"
    assert slots[1]["start"] == "2026-03-02T09:00:00.123Z"
    assert slots[-1]["end"] <= voucher["validUntil"]
    assert booked(old, voucher, number - 1)[0] == 200


def test_slots_that_are_past_or_booked_are_left_out(old: OldClient, clock: Any) -> None:
    voucher = issued(old)
    clock.shift(timedelta(hours=2, minutes=30))
    slots = old.get("slots/available", voucherId=voucher["voucherId"])[1]["items"]
    assert slots[0]["start"] == "2026-03-02T11:00:00.123Z"
    booked(old, voucher)
    left = old.get("slots/available", voucherId=voucher["voucherId"])[1]["items"]
    assert slots[0] not in left


def test_a_voucher_of_twenty_years_makes_no_endless_answer(old: OldClient) -> None:
    voucher = issued(old, validUntil="2046-03-02T08:00:00Z")
    slots = old.get("slots/available", voucherId=voucher["voucherId"])[1]["items"]
    assert 8_700 < len(slots) < 8_800


def test_a_voucher_issued_without_times_of_its_own_has_slots_that_can_be_booked(old: OldClient) -> None:
    with time_machine.travel(NOW + timedelta(microseconds=654_321), tick=False):
        status, content = old.post(
            "voucher/issue", {"issuerUid": "hotel-a", "validUntil": "2026-03-05T00:00:00Z"}
        )
        assert (status, content["voucher"]["validFrom"]) == (200, "2026-03-02T08:00:00.654Z")
        assert booked(old, content["voucher"], 1)[0] == 200


def test_a_voucher_between_two_milliseconds_can_be_booked_too(old: OldClient) -> None:
    voucher = make_voucher(valid_from=NOW + timedelta(microseconds=1))
    assert booked(old, {"voucherId": voucher.pk})[0] == 200


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-03-04", "2026-03-04T00:00:00.000Z"),
        ("2026-03-04T10:00:00", "2026-03-04T10:00:00.000Z"),
        ("2026-03-04T10:00", "2026-03-04T10:00:00.000Z"),
        ("2026-03-04T10:00:00+02:00", "2026-03-04T08:00:00.000Z"),
        ("2026-03-04T10:00:00.5-0330", "2026-03-04T13:30:00.500Z"),
        ("2026-03-04T10:00:00Z", "2026-03-04T10:00:00.000Z"),
    ],
)
def test_times_with_and_without_offset_are_understood(old: OldClient, text: str, utc: str) -> None:
    assert issued(old, validUntil=text)["validUntil"] == utc


@pytest.mark.parametrize(
    ("amount", "currency", "stored"), [(9950, "EUR", "99.50"), (500, "JPY", "500.00"), (0, "EUR", "0.00")]
)
def test_money_is_in_the_smallest_unit(old: OldClient, amount: int, currency: str, stored: str) -> None:
    voucher = issued(old, price={"amount": amount, "currency": currency})
    assert voucher["price"] == {"amount": amount, "currency": currency}
    assert str(Voucher.objects.get().price_amount) == stored


@pytest.mark.parametrize(
    "fields",
    [
        {"issuerUid": None},
        {"issuerUid": 5},
        {"title": 5},
        {"title": "x" * 121},
        {"durationMinutes": 0},
        {"durationMinutes": "sixty"},
        {"durationMinutes": 1.5},
        {"durationMinutes": 10**30},
        {"validFrom": "tomorrow"},
        {"validFrom": "2026-02-30"},
        {"validFrom": 1790000000000},
        {"validUntil": VALID["validFrom"]},
        {"validUntil": None},
        {"price": 5},
        {"price": {"amount": "5", "currency": "EUR"}},
        {"price": {"amount": -5, "currency": "EUR"}},
        {"price": {"amount": 9.5, "currency": "EUR"}},
        {"price": {"amount": 5, "currency": "euro"}},
        {"price": {"amount": 1234, "currency": "KWD"}},
        {"price": {"amount": 10**15, "currency": "EUR"}},
        {"transferable": "yes"},
        {"terms": []},
        {"terms": {"a": "\x00"}},
        {"holderUid": "x" * 65},
        {"holderUid": ["a"]},
    ],
    ids=str,
)
def test_a_voucher_that_cannot_be_is_refused_in_words(old: OldClient, fields: dict[str, Any]) -> None:
    status, _content = old.post("voucher/issue", {"issuerUid": "hotel-a", **VALID, **fields})
    assert 400 <= status < 500
    assert not Voucher.objects.exists()


def test_the_id_and_the_status_are_not_the_callers_to_choose(old: OldClient) -> None:
    voucher = issued(old, voucherId="v-mine", status="consumed", createdAt="2000-01-01T00:00:00.000Z")
    assert voucher["voucherId"] != "v-mine"
    assert voucher["status"] == "issued"
    assert voucher["createdAt"] == "2026-03-02T08:00:00.000Z"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"voucherId": "OWN", "slotId": "slot-x", "holderUid": "h"}, 400),
        ({"voucherId": "OWN", "slotId": "2026-03-03T08:00:00.123Z", "holderUid": "h"}, 400),
        ({"voucherId": "OWN", "holderUid": "h"}, 400),
        ({"voucherId": "OWN", "slotId": "slot-2026-03-03T08:00:00.123Z"}, 400),
        ({"slotId": "slot-2026-03-03T08:00:00.123Z", "holderUid": "h"}, 400),
        ({"voucherId": "ghost", "slotId": "slot-2026-03-03T08:00:00.123Z", "holderUid": "h"}, 404),
        ({"voucherId": "OWN", "slotId": "slot-2026-03-03T08:00:00.124Z", "holderUid": "h"}, 422),
        ({"voucherId": "OWN", "slotId": "slot-2027-03-03T08:00:00.123Z", "holderUid": "h"}, 422),
        ({"voucherId": "OWN", "slotId": "slot-2026-03-01T08:00:00.123Z", "holderUid": "h"}, 422),
    ],
)
def test_a_booking_that_cannot_be_is_refused_in_words(
    old: OldClient, body: dict[str, str], status: int
) -> None:
    voucher = issued(old)
    wish = {name: voucher["voucherId"] if value == "OWN" else value for name, value in body.items()}
    assert old.post("voucher/book", wish)[0] == status
    assert not Booking.objects.exists()


def test_a_voucher_is_booked_once(old: OldClient) -> None:
    voucher = issued(old)
    assert booked(old, voucher, 0)[0] == 200
    assert booked(old, voucher, 1)[0] == 409
    assert Booking.objects.count() == 1


def test_the_issuer_may_book_their_own_voucher(old: OldClient) -> None:
    assert booked(old, issued(old), holder="hotel-a")[0] == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"bookingId": "ghost"}, 404),
        ({"voucherId": "ghost"}, 404),
        ({"bookingId": "OWN", "voucherId": "ghost"}, 422),
    ],
)
def test_a_cancellation_that_cannot_be_is_refused_in_words(
    old: OldClient, body: dict[str, str], status: int
) -> None:
    booking_id = booked(old, issued(old))[1]["booking"]["bookingId"]
    wish = {name: booking_id if value == "OWN" else value for name, value in body.items()}
    assert old.post("voucher/cancel", wish)[0] == status
    assert Booking.objects.get().is_standing


def test_slots_of_nothing_and_of_nobody_are_refused(old: OldClient) -> None:
    assert old.get("slots/available")[0] == 400
    assert old.get("slots/available", voucherId="ghost")[0] == 404


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"NaN", b"null", b"[" * 100_000, b'{"a": NaN}'])
@pytest.mark.parametrize("path", ["voucher/issue", "voucher/book", "voucher/cancel"])
def test_a_body_that_is_no_json_is_refused_in_words(old: OldClient, path: str, body: bytes) -> None:
    status, content = old.post(path, body)
    assert (status, content["code"]) == (400, "request_malformed")


def test_a_hotels_key_sees_and_acts_for_its_hotel_alone(old: OldClient) -> None:
    foreign = make_voucher(hotel=make_hotel("hotel-b"), holder_uid=OTHER_UID)
    assert old.get("voucher/list")[1]["items"] == []
    assert old.get("voucher/list", holderUid=OTHER_UID)[1]["items"] == []
    assert old.get("voucher/list", issuerUid="hotel-b")[0] == 403
    assert old.get("voucher/bookings", issuerUid="hotel-b")[0] == 403
    assert old.get("slots/available", voucherId=foreign.pk)[0] == 404
    assert booked(old, issued(old))[0] == 200
    wish = {"voucherId": foreign.pk, "slotId": "slot-2026-03-03T08:00:00.000Z", "holderUid": OTHER_UID}
    assert old.post("voucher/book", wish)[0] == 404
    assert old.post("voucher/issue", {"issuerUid": "hotel-b", **VALID})[0] == 403
    assert old.post("voucher/issue", {"issuerUid": "nobody", **VALID})[0] == 403
    assert not Hotel.objects.filter(pk="nobody").exists()


def test_a_platform_key_makes_an_issuers_hotel_at_its_first_issue(platform: OldClient) -> None:
    first = issued(platform, issuerUid="user_4711")
    second = issued(platform, issuerUid="user_4711")
    hotel = Hotel.objects.get()
    assert (hotel.uid, hotel.time_zone, hotel.default_currency) == ("user_4711", "UTC", "EUR")
    assert first["issuerUid"] == second["issuerUid"] == "user_4711"
    assert Event.objects.filter(type="hotel.add").count() == 1
    assert {voucher["voucherId"] for voucher in platform.get("voucher/list")[1]["items"]} == {
        first["voucherId"],
        second["voucherId"],
    }


@pytest.mark.parametrize("uid", ["a b", "x" * 41, "ä", "../x", "\x00"])
def test_an_issuer_that_can_be_no_hotel_is_refused(platform: OldClient, uid: str) -> None:
    status, content = platform.post("voucher/issue", {"issuerUid": uid, **VALID})
    assert (status, content["code"]) == (422, "issuer_invalid")
    assert not Hotel.objects.exists()


def test_a_refused_first_issue_makes_no_hotel(platform: OldClient) -> None:
    wish = {"issuerUid": "user-1", "validFrom": "2026-03-05", "validUntil": "2026-03-04"}
    assert platform.post("voucher/issue", wish)[0] == 422
    assert not Hotel.objects.exists()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "voucher/list"),
        ("GET", "voucher/bookings"),
        ("GET", "slots/available"),
        ("POST", "voucher/issue"),
        ("POST", "voucher/book"),
        ("POST", "voucher/cancel"),
    ],
)
def test_without_a_key_or_its_scope_nothing_is_answered(method: str, path: str) -> None:
    _key, secret = create_key(name="desk", hotel=make_hotel(), scopes=[Scope.DESK], by=HOTEL_SYSTEM, now=NOW)
    for key, status in (("", 401), ("hvp_wrong", 401), (secret, 403)):
        client = OldClient(key)
        answer = client.get(path) if method == "GET" else client.post(path, {})
        assert answer[0] == status


def test_the_catalogue_names_this_servers_own_apis(old: OldClient) -> None:
    status, content = old.get("presence/catalog/apis")
    assert status == 200
    names = {"id", "name", "category", "base_url", "auth_type", "doc_url", "example_payload"}
    assert all(set(item) == names for item in content["items"])
    assert all("/api" in item["base_url"] for item in content["items"])


@pytest.mark.parametrize("body", [b"", b"anything", b'{"a": 1}', b"\xff" * 100])
def test_telemetry_is_thanked_for_and_not_kept(body: bytes) -> None:
    before = Event.objects.count()
    response = Client().post("/legacy/api/telemetry", body, content_type="text/plain")
    assert (response.status_code, response.json()) == (200, {"ok": True})
    assert Event.objects.count() == before


def test_the_same_idempotency_key_books_once(old: OldClient) -> None:
    voucher = issued(old)
    slots = old.get("slots/available", voucherId=voucher["voucherId"])[1]["items"]
    wish = {"voucherId": voucher["voucherId"], "slotId": slots[0]["slotId"], "holderUid": GUEST_UID}
    answers = [
        old._client.post(
            "/legacy/api/voucher/book",
            wish,
            content_type="application/json",
            headers={"Idempotency-Key": "a"},
        )
        for _number in range(2)
    ]
    assert answers[0].content == answers[1].content
    assert Booking.objects.count() == 1


def test_the_pages_of_a_long_list_follow_each_other(old: OldClient, monkeypatch: Any) -> None:
    monkeypatch.setattr("legacy.api.MOST_ITEMS", 2)
    for _number in range(3):
        issued(old)
    first = old.get("voucher/list")[1]
    second = old.get("voucher/list", cursor=first["nextCursor"])[1]
    assert len(first["items"]) == 2
    assert len(second["items"]) == 1
    assert "nextCursor" not in second


def test_the_adapter_can_be_switched_off() -> None:
    answers = [
        manage(
            "sqlite://:memory:",
            "shell",
            "--command",
            "from django.urls import is_valid_path; print(bool(is_valid_path('/legacy/api/voucher/list')))",
            LEGACY_API=value,
        )
        for value in ("1", "0")
    ]
    assert [bool(answer.split()[-1] == "True") for answer in answers] == [True, False]
