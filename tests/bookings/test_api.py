"""Bookings and slots over the JSON API."""

from datetime import date, timedelta
from typing import Any

import pytest

from bookings.codes import voucher_code
from bookings.models import Booking, Mail
from tests.api import Api, code_of
from tests.make import GUEST_UID, NOW, OTHER_UID, make_booking, make_hotel, make_offer, make_voucher
from vouchers.domain import redeem_voucher
from vouchers.models import Closure, Voucher

pytestmark = pytest.mark.django_db
SLOT = "slot-2026-03-03T10:00:00Z"


@pytest.fixture
def api(settings: Any) -> Api:
    settings.API_READS_PER_MINUTE = settings.API_WRITES_PER_MINUTE = 100_000
    return Api()


def book(api: Api, voucher: Voucher, **fields: Any) -> Any:
    body = {"voucher_id": voucher.pk, "slot_id": SLOT, "holder_uid": GUEST_UID, **fields}
    return api.post("voucher/book", body)


def test_a_slot_is_booked_for_a_guest(api: Api) -> None:
    voucher = make_voucher(make_offer())
    response = book(api, voucher, name="Ann", email="Ann@Guest.example", note="Window")
    booking = Booking.objects.get()
    assert response.json()["booking"] == {
        "id": booking.pk,
        "voucher_id": voucher.pk,
        "issuer_uid": "hotel-a",
        "holder_uid": GUEST_UID,
        "slot_id": SLOT,
        "slot_start": "2026-03-03T10:00:00Z",
        "slot_end": "2026-03-03T11:00:00Z",
        "status": "booked",
        "cancel_reason": None,
        "created_at": "2026-03-02T08:00:00Z",
        "cancelled_at": None,
    }
    assert response.json()["voucher"]["status"] == "booked"
    assert response.json()["voucher"]["holder_uid"] == GUEST_UID
    assert (booking.guest_name, booking.guest_email, booking.guest_note) == (
        "Ann",
        "ann@guest.example",
        "Window",
    )
    assert Mail.objects.get().recipient == "ann@guest.example"


def test_mails_are_in_the_hotels_language_unless_another_is_named(api: Api) -> None:
    hotel = make_hotel("wien", default_language="de")
    first, second = make_voucher(hotel=hotel), make_voucher(hotel=hotel)
    own = Api(hotel=hotel)
    book(own, first)
    book(own, second, language="nl")
    languages = dict(Booking.objects.values_list("voucher_id", "language"))
    assert languages == {first.pk: "de", second.pk: "nl"}


def test_a_guest_may_have_more_than_one_booking_when_the_hotel_books(api: Api) -> None:
    offer = make_offer(max_per_guest=1, capacity=2)
    assert book(api, make_voucher(offer)).status_code == 200
    assert book(api, make_voucher(offer)).status_code == 200


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"slot_id": "tomorrow"}, 422, "slot_id_invalid"),
        ({"slot_id": "slot-2026-02-30T10:00:00Z"}, 422, "slot_id_invalid"),
        ({"slot_id": "slot-2026-03-03T10:30:00Z"}, 422, "slot_not_offered"),
        ({"slot_id": "slot-2026-03-01T10:00:00Z"}, 422, "slot_too_soon"),
        ({"slot_id": "slot-2030-03-01T10:00:00Z"}, 422, "slot_outside_validity"),
        ({"slot_id": 5}, 400, "request_malformed"),
        ({"voucher_id": "v-ghost"}, 404, "voucher_not_found"),
        ({"voucher_id": "../../etc"}, 404, "voucher_not_found"),
        ({"voucher_id": "x" * 41}, 400, "request_malformed"),
        ({"holder_uid": OTHER_UID}, 422, "voucher_held"),
        ({"holder_uid": None}, 400, "request_malformed"),
        ({"holder_uid": "a\x00b"}, 422, "voucher_held"),
        ({"email": "no address"}, 422, "booking_invalid"),
        ({"name": "a\x00b"}, 422, "booking_invalid"),
        ({"language": "tlh"}, 400, "request_malformed"),
        ({"status": "consumed"}, 400, "request_malformed"),
    ],
)
def test_a_booking_that_cannot_be_is_refused(
    api: Api, fields: dict[str, Any], status: int, code: str
) -> None:
    voucher = make_voucher(make_offer(), holder_uid=GUEST_UID)
    assert code_of(book(api, voucher, **fields)) == (status, code)
    assert not Booking.objects.exists()
    assert Voucher.objects.get().status == "issued"


def test_a_slot_is_taken_once(api: Api) -> None:
    offer = make_offer(capacity=1)
    first, second = make_voucher(offer), make_voucher(offer)
    assert book(api, first).status_code == 200
    assert code_of(book(api, second)) == (409, "slot_taken")
    assert code_of(book(api, first)) == (409, "voucher_booked")


def test_cancelling_frees_the_place_and_a_second_time_changes_nothing(api: Api) -> None:
    booking = make_booking()
    first = api.post("voucher/cancel", {"booking_id": booking.pk, "reason": "Flu"})
    assert first.json()["booking"]["status"] == "cancelled"
    assert first.json()["booking"]["cancel_reason"] == "Flu"
    assert first.json()["voucher"]["status"] == "issued"
    assert first.json()["voucher"]["holder_uid"] is None
    again = api.post("voucher/cancel", {"booking_id": booking.pk, "reason": "Other"})
    assert again.json()["booking"] == first.json()["booking"]


def test_a_cancelled_booking_does_not_reopen_what_was_booked_again(api: Api) -> None:
    booking = make_booking()
    api.post("voucher/cancel", {"booking_id": booking.pk})
    assert book(api, booking.voucher, slot_id="slot-2026-03-04T08:00:00Z").status_code == 200
    again = api.post("voucher/cancel", {"booking_id": booking.pk})
    assert again.json()["voucher"]["status"] == "booked"
    assert Booking.objects.standing().count() == 1


def test_a_booking_is_cancelled_by_its_voucher(api: Api) -> None:
    booking = make_booking()
    response = api.post("voucher/cancel", {"voucher_id": booking.voucher_id})
    assert response.json()["booking"]["id"] == booking.pk
    again = api.post("voucher/cancel", {"voucher_id": booking.voucher_id})
    assert code_of(again) == (404, "booking_not_found")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "booking_not_named"),
        ({"booking_id": "b-ghost"}, 404, "booking_not_found"),
        ({"voucher_id": "v-ghost"}, 404, "voucher_not_found"),
        ({"booking_id": "OWN", "voucher_id": "v-ghost"}, 422, "booking_mismatched"),
        ({"booking_id": "OWN", "reason": "x" * 201}, 400, "request_malformed"),
        ({"booking_id": "OWN", "reason": "\x00"}, 422, "reason_invalid"),
    ],
)
def test_a_cancellation_that_cannot_be_is_refused(
    api: Api, body: dict[str, str], status: int, code: str
) -> None:
    booking = make_booking()
    body = {name: booking.pk if value == "OWN" else value for name, value in body.items()}
    assert code_of(api.post("voucher/cancel", body)) == (status, code)
    assert Booking.objects.get().is_standing


def test_a_booking_is_moved_in_one_step(api: Api) -> None:
    booking = make_booking()
    response = api.post("voucher/move", {"booking_id": booking.pk, "slot_id": "slot-2026-03-05T08:00:00Z"})
    assert response.json()["booking"]["slot_start"] == "2026-03-05T08:00:00Z"
    assert response.json()["voucher"]["status"] == "booked"


def test_a_booking_keeps_its_slot_when_the_other_cannot_be_had(api: Api) -> None:
    offer = make_offer(capacity=1)
    start = NOW + timedelta(days=1, hours=2)
    make_booking(make_voucher(offer), start=start + timedelta(hours=1), holder_uid=OTHER_UID)
    booking = make_booking(make_voucher(offer), start=start)
    wish = {"booking_id": booking.pk, "slot_id": "slot-2026-03-03T11:00:00Z"}
    assert code_of(api.post("voucher/move", wish)) == (409, "slot_taken")
    assert Booking.objects.get(pk=booking.pk).slot_start == start


def test_a_cancelled_booking_is_not_moved(api: Api) -> None:
    booking = make_booking()
    api.post("voucher/cancel", {"booking_id": booking.pk})
    wish = {"booking_id": booking.pk, "slot_id": "slot-2026-03-05T08:00:00Z"}
    assert code_of(api.post("voucher/move", wish)) == (409, "booking_cancelled")


def test_a_voucher_is_redeemed_by_id_or_code(api: Api) -> None:
    booked, walk_in = make_booking().voucher, make_voucher()
    assert api.post("voucher/redeem", {"voucher_id": booked.pk}).json()["voucher"]["status"] == "consumed"
    response = api.post("voucher/redeem", {"code": voucher_code(walk_in.pk)})
    assert response.json()["voucher"]["id"] == walk_in.pk
    assert code_of(api.post("voucher/redeem", {"voucher_id": booked.pk})) == (409, "voucher_consumed")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "voucher_not_named"),
        ({"voucher_id": "v-1", "code": "x"}, 422, "voucher_not_named"),
        ({"code": "v-1:forged"}, 422, "code_invalid"),
        ({"code": "\x00"}, 422, "code_invalid"),
        ({"voucher_id": "v-ghost"}, 404, "voucher_not_found"),
    ],
)
def test_a_redemption_that_cannot_be_is_refused(
    api: Api, body: dict[str, str], status: int, code: str
) -> None:
    assert code_of(api.post("voucher/redeem", body)) == (status, code)


def test_withdrawing_ends_voucher_and_booking(api: Api) -> None:
    booking = make_booking()
    response = api.post("voucher/withdraw", {"voucher_id": booking.voucher_id, "reason": "Sold twice"})
    assert response.json()["voucher"]["status"] == "cancelled"
    assert Booking.objects.get().cancel_reason == "Sold twice"
    again = api.post("voucher/withdraw", {"voucher_id": booking.voucher_id})
    assert code_of(again) == (409, "voucher_cancelled")


def test_a_voucher_is_read_with_its_live_booking(api: Api, clock: Any) -> None:
    booking = make_booking()
    content = api.get(f"voucher/{booking.voucher_id}").json()
    assert content["booking"]["id"] == booking.pk
    assert content["voucher"]["status"] == "booked"
    redeem_voucher(voucher_id=booking.voucher_id, by=_clerk(), now=NOW)
    assert api.get(f"voucher/{booking.voucher_id}").json()["booking"] is None


def _clerk() -> Any:
    from tests.make import CLERK

    return CLERK


def test_an_expired_voucher_is_read_as_expired_before_any_sweep(api: Api, clock: Any) -> None:
    voucher = make_voucher(valid_until=NOW + timedelta(hours=2))
    clock.shift(timedelta(hours=2))
    assert api.get(f"voucher/{voucher.pk}").json()["voucher"]["status"] == "expired"


@pytest.mark.parametrize("key", ["v-ghost", "a%00b", "..%2f..", "é", "x" * 500, "list%00"])
def test_an_id_that_is_none_is_not_there(api: Api, key: str) -> None:
    response = api.get(f"voucher/{key}")
    assert response.status_code in (400, 404)


def test_bookings_are_listed_newest_first_and_filtered(api: Api, clock: Any) -> None:
    first = make_booking(start=NOW + timedelta(days=1))
    clock.shift(1)
    second = make_booking(start=NOW + timedelta(days=5), holder_uid=OTHER_UID, now=NOW + timedelta(seconds=1))
    api.post("voucher/cancel", {"booking_id": first.pk})

    def found(**query: Any) -> list[str]:
        return [item["id"] for item in api.get("voucher/bookings", **query).json()["items"]]

    assert found() == [second.pk, first.pk]
    assert found(status="cancelled") == [first.pk]
    assert found(holder_uid=OTHER_UID) == [second.pk]
    assert found(voucher_id=first.voucher_id) == [first.pk]
    assert found(from_="2026-03-07T08:00:00Z") == [second.pk]
    assert found(until="2026-03-07T08:00:00Z") == [first.pk]
    page = api.get("voucher/bookings", limit=1).json()
    assert found(cursor=page["next_cursor"]) == [first.pk]


def slots(api: Api, voucher: Voucher, **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = api.get("slots/available", voucher_id=voucher.pk, **query).json()["items"]
    return items


def test_every_slot_that_is_listed_can_be_booked(api: Api) -> None:
    offer = make_offer(capacity=2)
    voucher = make_voucher(offer)
    make_booking(make_voucher(offer), start=NOW + timedelta(days=1, hours=2), holder_uid=OTHER_UID)
    found = slots(api, voucher, from_="2026-03-03", until="2026-03-03")
    assert [slot["places"] for slot in found] == [2, 1, 2, 2, 2, 2, 2, 2]
    assert found[1] == {
        "slot_id": SLOT,
        "voucher_id": voucher.pk,
        "start": "2026-03-03T10:00:00Z",
        "end": "2026-03-03T11:00:00Z",
        "places": 1,
    }
    for number, slot in enumerate(found[::3]):
        assert (
            book(api, make_voucher(offer), slot_id=slot["slot_id"], holder_uid=f"g-{number}").status_code
            == 200
        )


def test_slots_that_are_full_past_or_too_soon_are_left_out(api: Api) -> None:
    offer = make_offer(capacity=1, min_notice_minutes=180)
    voucher = make_voucher(offer)
    make_booking(make_voucher(offer), start=NOW + timedelta(hours=4), holder_uid=OTHER_UID)
    today = slots(api, voucher, until="2026-03-02")
    assert [slot["start"][11:16] for slot in today] == ["11:00", "13:00", "14:00", "15:00", "16:00"]


def test_without_a_range_there_are_thirty_one_days(api: Api) -> None:
    found = slots(api, make_voucher(make_offer()))
    days = sorted({slot["start"][:10] for slot in found})
    assert (days[0], days[-1], len(days)) == ("2026-03-02", "2026-04-01", 31)


def test_the_first_bookable_day_of_a_voucher_may_be_far_ahead(api: Api) -> None:
    later = NOW + timedelta(days=100)
    voucher = make_voucher(valid_from=later, valid_until=later + timedelta(days=365 * 20))
    found = slots(api, voucher)
    assert found[0]["start"] == "2026-06-10T08:00:00Z"
    assert found[-1]["start"] < "2026-07-11T22:00:00Z"


def test_a_voucher_of_twenty_years_makes_no_endless_answer(api: Api, settings: Any) -> None:
    offer = make_offer(step_minutes=5, duration_minutes=5, validity_days=3660)
    voucher = make_voucher(offer, valid_until=NOW + timedelta(days=365 * 20))
    longest = api.get("slots/available", voucher_id=voucher.pk, from_="2026-03-02", until="2026-05-02")
    assert longest.status_code == 200
    assert len(longest.content) < 2_000_000
    too_long = {"from_": "2026-03-02", "until": "2026-05-03"}
    assert code_of(api.get("slots/available", voucher_id=voucher.pk, **too_long)) == (422, "range_too_long")
    assert len(api.get("slots/calendar", voucher_id=voucher.pk, month="2030-01").content) < 2_000_000


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"from_": "0001-01-01"}, 422, "range_invalid"),
        ({"until": "9999-12-31"}, 422, "range_invalid"),
        ({"from_": "0001-01-01T00:00:00+14:00"}, 422, "range_invalid"),
        ({"until": "9999-12-31T23:59:59-14:00"}, 422, "range_invalid"),
        ({"from_": "1990-01-02"}, 200, ""),
        ({"from_": "yesterday"}, 400, "request_malformed"),
        ({"until": "2027-03-02"}, 422, "range_too_long"),
        ({"from_": "2026-03-05", "until": "2026-03-01"}, 200, ""),
        ({"until": "2020-01-01"}, 200, ""),
        ({"from_": "2026-03-05T10:00:00+01:00", "until": "2026-03-05T12:00:00+01:00"}, 200, ""),
    ],
)
def test_a_range_is_answered_or_refused(api: Api, query: dict[str, str], status: int, code: str) -> None:
    voucher = make_voucher(make_offer())
    assert code_of(api.get("slots/available", voucher_id=voucher.pk, **query)) == (status, code)


def test_times_bound_the_range_to_the_minute(api: Api) -> None:
    voucher = make_voucher(make_offer())
    found = slots(api, voucher, from_="2026-03-05T10:30:00Z", until="2026-03-05T12:00:00Z")
    assert [slot["start"] for slot in found] == ["2026-03-05T11:00:00Z"]


def test_a_booked_voucher_has_the_slots_that_it_can_be_moved_to(api: Api) -> None:
    booking = make_booking()
    starts = {slot["start"] for slot in slots(api, booking.voucher, until="2026-03-03")}
    assert "2026-03-03T08:00:00Z" not in starts
    assert "2026-03-03T09:00:00Z" in starts
    for slot in sorted(starts)[:3]:
        wish = {"booking_id": booking.pk, "slot_id": f"slot-{slot}"}
        assert api.post("voucher/move", wish).status_code == 200


@pytest.mark.parametrize("verb", ["redeem", "withdraw"])
def test_a_voucher_that_is_over_has_no_slots(api: Api, verb: str) -> None:
    voucher = make_voucher()
    api.post(f"voucher/{verb}", {"voucher_id": voucher.pk})
    assert slots(api, voucher) == []
    month = api.get("slots/calendar", voucher_id=voucher.pk, month="2026-03").json()["items"]
    assert {(len(day["slots"]), day["reason"]) for day in month} == {(0, "no_longer_valid")}


def test_the_calendar_shows_free_slots_or_the_reason_by_the_hotels_clock(api: Api) -> None:
    offer = make_offer(weekdays=(0, 1, 2, 3, 4))
    Closure.objects.create(
        offer=offer, first_day=date(2026, 3, 10), last_day=date(2026, 3, 11), reason="Renovation"
    )
    voucher = make_voucher(offer, valid_until=NOW + timedelta(days=20))
    content = api.get("slots/calendar", voucher_id=voucher.pk, month="2026-03").json()
    days = {day["day"]: day for day in content["items"]}
    assert content["time_zone"] == "Europe/Amsterdam"
    assert len(days) == 31
    assert days["2026-03-01"]["reason"] == "past"
    assert len(days["2026-03-03"]["slots"]) == 8
    assert days["2026-03-03"]["reason"] is None
    assert days["2026-03-07"]["reason"] == "not_open"
    assert (days["2026-03-10"]["reason"], days["2026-03-10"]["closure"]) == ("closure", "Renovation")
    assert days["2026-03-31"]["reason"] == "no_longer_valid"


@pytest.mark.parametrize(
    "month", ["2026-13", "2026-3", "1989-12", "2200-01", "March", "2026-03-01", "２０２６-03"]
)
def test_a_month_that_is_none_is_refused(api: Api, month: str) -> None:
    voucher = make_voucher()
    assert code_of(api.get("slots/calendar", voucher_id=voucher.pk, month=month)) == (
        400,
        "request_malformed",
    )


def test_the_answers_cost_few_statements(api: Api, django_assert_max_num_queries: Any) -> None:
    offer = make_offer(capacity=5)
    voucher = make_voucher(offer)
    api.get("voucher/list")
    with django_assert_max_num_queries(6):
        slots(api, voucher)
    with django_assert_max_num_queries(6):
        api.get("slots/calendar", voucher_id=voucher.pk, month="2026-03")
