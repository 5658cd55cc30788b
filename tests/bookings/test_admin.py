"""The admin of offers, bookings and mails."""

import json
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError
from django.test import Client
from django_tasks_db.models import DBTaskResult

from bookings.domain import cancel_booking
from bookings.models import Booking, Mail
from events.models import Event
from tests.checks import stored
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
from tests.staff import act, assert_strict, make_staff, page_of, sign_in, told
from vouchers.domain import redeem_voucher
from vouchers.models import Batch, Closure, Hotel, Offer, OpeningHours, Voucher
from vouchers.states import Status

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 3, 11, tzinfo=UTC)  # 12:00 in Amsterdam


@pytest.fixture
def hotel() -> Hotel:
    return make_hotel()


@pytest.fixture
def client(hotel: Hotel) -> Client:
    return sign_in(make_staff(hotel))


def listed(response: Any) -> set[Any]:
    return {row.pk for row in response.context["cl"].result_list}


def queries(client: Client, address: str, number: int, count: Any) -> None:
    # The first look also reads what the process keeps.
    client.get(address)
    with count(number):
        assert client.get(address).status_code == 200


# Offers


def rows_of(prefix: str, rows: list[dict[str, Any]], initial: int) -> dict[str, Any]:
    data: dict[str, Any] = {f"{prefix}-TOTAL_FORMS": len(rows), f"{prefix}-INITIAL_FORMS": initial}
    for number, row in enumerate(rows):
        data |= {f"{prefix}-{number}-{name}": value for name, value in row.items()}
    return data


def offer_form(offer: Offer | None = None, **fields: Any) -> dict[str, Any]:
    """Return what the offer's form posts: as the offer is, with some fields changed."""
    data: dict[str, Any] = {
        "hotel": "hotel-a",
        "title": "Spa hour",
        "description": "",
        "service_type": "hotel.spa",
        "duration_minutes": 60,
        "step_minutes": 60,
        "capacity": 1,
        "max_per_guest": 1,
        "min_notice_minutes": 0,
        "cancel_notice_minutes": 0,
        "validity_days": 365,
        "price_amount": "",
        "price_currency": "EUR",
        "terms": "{}",
        "is_active": "on",
    }
    hours: list[dict[str, Any]] = []
    closures: list[dict[str, Any]] = []
    if offer is not None:
        data |= {name: value for name, value in vars(offer).items() if name in data and value is not None}
        data["terms"] = json.dumps(offer.terms)
        hours = [hours_row(row, offer) for row in offer.opening_hours.all()]
        closures = [
            {
                "id": row.pk,
                "offer": offer.pk,
                "first_day": row.first_day,
                "last_day": row.last_day,
                "reason": row.reason,
            }
            for row in offer.closures.all()
        ]
    new_hours, new_closures = fields.pop("hours", []), fields.pop("closures", [])
    data |= rows_of("opening_hours", [*hours, *new_hours], len(hours))
    data |= rows_of("closures", [*closures, *new_closures], len(closures))
    return {**data, **fields}


def hours_row(row: OpeningHours, offer: Offer) -> dict[str, Any]:
    return {"id": row.pk, "offer": offer.pk, **new_hours(row.weekday, row.opens, row.closes)}


def new_hours(weekday: int, opens: time | str, closes: time | str) -> dict[str, Any]:
    return {"weekday": weekday, "opens": str(opens), "closes": str(closes)}


def test_a_new_offer_gets_an_id_and_is_journalled_with_its_hours(client: Client) -> None:
    closure = {"first_day": "2026-05-01", "last_day": "2026-05-02", "reason": "Cleaning"}
    data = offer_form(hours=[new_hours(0, "10:00", "18:00")], closures=[closure], price_amount="12.5")
    assert client.post(page_of(Offer, "add"), data).status_code == 302
    offer = Offer.objects.get()
    assert offer.pk.startswith("o-mm8w2680-")
    assert offer.opening_hours.get().opens == time(10)
    event = Event.objects.get()
    assert (event.type, event.subject_type, event.subject_id) == ("offer.add", "offer", offer.pk)
    assert (event.actor_id, event.issuer_uid, event.created_at) == ("staff:clerk", "hotel-a", NOW)
    assert event.meta["before"] == {}
    after = event.meta["after"]
    assert (after["title"], after["price_amount"], after["hotel"]) == ("Spa hour", "12.50", "hotel-a")
    assert after["opening_hours"] == [{"weekday": 0, "opens": "10:00:00", "closes": "18:00:00"}]
    assert after["closures"] == [{"first_day": "2026-05-01", "last_day": "2026-05-02", "reason": "Cleaning"}]


def test_a_changed_offer_is_journalled_with_what_changed_alone(client: Client, hotel: Hotel) -> None:
    offer = make_offer(hotel, price_amount="10.00")
    data = offer_form(offer, title="Sauna", price_amount="11", terms='{"Age": "16"}')
    assert client.post(page_of(offer), data).status_code == 302
    event = Event.objects.get()
    assert event.type == "offer.change"
    assert event.meta == {
        "before": {"title": "Spa hour", "price_amount": "10.00", "terms": {}},
        "after": {"title": "Sauna", "price_amount": "11.00", "terms": {"Age": "16"}},
    }


def test_changed_hours_and_closures_are_journalled_whole(client: Client, hotel: Hotel) -> None:
    offer = make_offer(hotel, weekdays=(0, 1))
    Closure.objects.create(offer=offer, first_day=date(2026, 4, 1), last_day=date(2026, 4, 2), reason="Paint")
    data = offer_form(offer, hours=[new_hours(2, "08:00", "09:00")])
    data |= {"opening_hours-0-closes": "17:00", "opening_hours-1-DELETE": "on", "closures-0-DELETE": "on"}
    assert client.post(page_of(offer), data).status_code == 302
    event = Event.objects.get()
    row = {"opens": "10:00:00", "closes": "18:00:00"}
    assert event.meta == {
        "before": {
            "opening_hours": [{"weekday": 0, **row}, {"weekday": 1, **row}],
            "closures": [{"first_day": "2026-04-01", "last_day": "2026-04-02", "reason": "Paint"}],
        },
        "after": {
            "opening_hours": [
                {"weekday": 0, "opens": "10:00:00", "closes": "17:00:00"},
                {"weekday": 2, "opens": "08:00:00", "closes": "09:00:00"},
            ],
            "closures": [],
        },
    }


def test_saving_an_offer_as_it_is_writes_nothing(client: Client, hotel: Hotel) -> None:
    offer = make_offer(hotel, price_amount="10.00", terms={"Age": "16"})
    assert client.post(page_of(offer), offer_form(offer)).status_code == 302
    assert not Event.objects.exists()


def test_an_offer_that_cannot_be_journalled_is_not_changed(
    client: Client, hotel: Hotel, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer = make_offer(hotel)

    def fail(*_args: Any, **_kwargs: Any) -> None:
        raise IntegrityError

    monkeypatch.setattr("events.admin_journal.record", fail)
    with pytest.raises(IntegrityError):
        client.post(page_of(offer), offer_form(offer, title="Sauna"))
    assert Offer.objects.get().title == "Spa hour"


OVERLAPS = [
    [(0, "10:00", "12:00"), (0, "11:00", "13:00")],
    [(0, "10:00", "12:00"), (0, "10:30", "11:00")],
    [(0, "22:00", "02:00"), (1, "01:00", "05:00")],
    [(6, "22:00", "02:00"), (0, "01:00", "05:00")],
    [(0, "10:00", "10:00"), (1, "09:00", "11:00")],
]
APART = [
    [(0, "10:00", "12:00"), (0, "12:00", "13:00")],
    [(0, "22:00", "02:00"), (1, "02:00", "05:00")],
    [(6, "22:00", "00:00"), (0, "00:00", "05:00")],
    [(0, "10:00", "10:00"), (1, "10:00", "11:00")],
]


@pytest.mark.parametrize("hours", OVERLAPS)
def test_overlapping_hours_are_refused(hours: list[tuple[int, str, str]], client: Client) -> None:
    data = offer_form(hours=[new_hours(*row) for row in hours])
    response = client.post(page_of(Offer, "add"), data)
    assert "These opening hours overlap: Monday" in response.content.decode() or hours[0][0] == 6
    assert "These opening hours overlap" in response.content.decode()
    assert not Offer.objects.exists()


@pytest.mark.parametrize("hours", APART)
def test_hours_that_touch_are_no_overlap(hours: list[tuple[int, str, str]], client: Client) -> None:
    assert (
        client.post(page_of(Offer, "add"), offer_form(hours=[new_hours(*row) for row in hours])).status_code
        == 302
    )
    assert OpeningHours.objects.count() == 2


def test_hours_that_are_taken_away_overlap_nothing(client: Client, hotel: Hotel) -> None:
    offer = make_offer(hotel, weekdays=(0,))
    data = offer_form(offer, hours=[new_hours(0, "09:00", "19:00")]) | {"opening_hours-0-DELETE": "on"}
    assert client.post(page_of(offer), data).status_code == 302
    assert OpeningHours.objects.get().opens == time(9)


@pytest.mark.parametrize(
    "fields",
    [
        {"capacity": 0},
        {"duration_minutes": 1441},
        {"step_minutes": 1},
        {"terms": "[]"},
        {"terms": "{"},
        {"price_amount": "-1"},
        {"price_currency": "eur"},
        {"hotel": "hotel-b"},
        {"title": ""},
        {"hours": [new_hours(7, "10:00", "11:00")]},
        {"closures": [{"first_day": "2026-05-02", "last_day": "2026-05-01", "reason": "x"}]},
    ],
)
def test_an_offer_that_cannot_be_is_refused(fields: dict[str, Any], client: Client) -> None:
    make_hotel("hotel-b")
    response = client.post(page_of(Offer, "add"), offer_form(**fields))
    assert response.status_code == 200
    assert response.context["errors"]
    assert not Offer.objects.exists()
    assert not Event.objects.exists()


def test_places_that_bookings_take_cannot_be_taken_away(client: Client, hotel: Hotel) -> None:
    offer = make_offer(hotel, capacity=3, duration_minutes=90)
    first, second, third = make_vouchers(offer, 3)
    make_booking(first, start=NOON)
    make_booking(second, start=NOON + timedelta(hours=1), holder_uid=OTHER_UID)
    booking = make_booking(third, start=NOON + timedelta(hours=1), holder_uid="thinker-3")
    before = stored()
    response = client.post(page_of(offer), offer_form(offer, capacity=2, title="Sauna"))
    assert (
        "3 places are booked or held at one time (Tue, 3 Mar 2026, 13:00 (Europe/Amsterdam))."
        " Cancel or move bookings first; until then there have to be at least 3 places."
        in response.content.decode()
    )
    assert stored() == before
    assert Offer.objects.get().title == "Spa hour"
    cancel_booking(booking_id=booking.pk, by=CLERK, now=NOW)
    assert client.post(page_of(offer), offer_form(offer, capacity=2)).status_code == 302
    assert Offer.objects.get().capacity == 2
    assert client.post(page_of(offer), offer_form(offer, capacity=1)).status_code == 200
    assert Offer.objects.get().capacity == 2


def test_bookings_that_are_over_or_do_not_meet_hold_no_places(
    client: Client, hotel: Hotel, clock: time_machine.Traveller
) -> None:
    offer = make_offer(hotel, capacity=2)
    first, second, third, fourth = make_vouchers(offer, 4)
    for voucher, uid in ((first, GUEST_UID), (second, OTHER_UID)):
        make_booking(voucher, start=NOON, holder_uid=uid)
    make_booking(third, start=NOON + timedelta(days=1), holder_uid="thinker-3")
    make_booking(fourth, start=NOON + timedelta(days=1, hours=1), holder_uid="thinker-4")
    clock.move_to(NOON + timedelta(minutes=59))
    assert client.post(page_of(offer), offer_form(offer, capacity=1)).status_code == 200
    assert Offer.objects.get().capacity == 2
    clock.move_to(NOON + timedelta(hours=1))
    assert client.post(page_of(offer), offer_form(offer, capacity=1)).status_code == 302
    assert Offer.objects.get().capacity == 1


def test_an_offers_hotel_stays(client: Client, hotel: Hotel) -> None:
    second = make_hotel("hotel-b")
    second.staff.add(*hotel.staff.all())
    offer = make_offer(hotel)
    client.post(page_of(offer), offer_form(offer, hotel="hotel-b"))
    assert Offer.objects.get().hotel == hotel


def test_an_offer_page_shows_the_coming_week_with_free_places(client: Client, hotel: Hotel) -> None:
    offer = make_offer(hotel, capacity=3, opens=time(12), closes=time(14), weekdays=(0, 1))
    Closure.objects.create(offer=offer, first_day=date(2026, 3, 2), last_day=date(2026, 3, 2), reason="Paint")
    make_booking(make_voucher(offer), start=NOON)
    response = client.get(page_of(offer))
    content = response.content.decode()
    assert_strict(response)
    assert "12:00–13:00 (2), 13:00–14:00 (3)" in content
    assert "Closed: Paint" in content
    assert "Not open on this day." in content
    assert [day.day for day in response.context["week"].days] == [
        date(2026, 3, 2) + timedelta(days=number) for number in range(7)
    ]


def test_the_coming_week_says_of_an_evening_that_it_is_too_late(
    client: Client, hotel: Hotel, clock: time_machine.Traveller
) -> None:
    offer = make_offer(hotel)
    clock.move_to(datetime(2026, 3, 2, 20, tzinfo=UTC))
    content = client.get(page_of(offer)).content.decode()
    assert "Too late to book for this day." in content
    assert "not valid" not in content


def test_issuing_from_an_offer_shows_what_was_issued(client: Client, hotel: Hotel) -> None:
    offer = make_offer(hotel)
    other = make_voucher(hotel=hotel)
    assert_strict(client.get(page_of(offer, "issue")))
    data = {"count": 3, "valid_until_0": "2026-07-01", "valid_until_1": "12:00"}
    response = client.post(page_of(offer, "issue"), data, follow=True)
    assert told(response)["worked"] == ["3 vouchers of “Spa hour” issued."]
    batch = Batch.objects.get(offer=offer)
    assert listed(response) == set(batch.vouchers.values_list("pk", flat=True))
    assert other.pk not in listed(response)
    assert batch.open_issued == 3
    assert batch.valid_until.isoformat() == "2026-07-01T10:00:00+00:00"
    assert Event.objects.filter(type="voucher.issue", actor_id="staff:clerk").count() == 3


@pytest.mark.parametrize(
    "data",
    [
        {"count": 0},
        {"count": 50_001},
        {"count": "x"},
        {"count": 1, "valid_until_0": "2026-01-01", "valid_until_1": "00:00"},
        {"count": 1, "valid_until_0": "9999-12-31", "valid_until_1": "23:59"},
        {"count": 1, "valid_from_0": "9999-12-31", "valid_from_1": "23:59"},
        {"count": 1, "valid_from_0": "0001-01-01", "valid_from_1": "00:00"},
        {"count": 1, "valid_until_0": "2026-05-01"},
    ],
)
def test_an_issue_that_cannot_be_is_refused(data: dict[str, Any], client: Client, hotel: Hotel) -> None:
    offer = make_offer(hotel)
    response = client.post(page_of(offer, "issue"), data)
    assert response.status_code == 422
    assert 'class="errorlist' in response.content.decode()
    assert not Voucher.objects.exists()


def test_an_inactive_offer_issues_nothing(client: Client, hotel: Hotel) -> None:
    offer = make_offer(hotel, is_active=False)
    response = client.post(page_of(offer, "issue"), {"count": 1})
    assert "This offer is not active." in response.content.decode()
    assert not Voucher.objects.exists()


def test_issuing_needs_the_permission_to_issue(hotel: Hotel) -> None:
    offer = make_offer(hotel)
    someone = sign_in(make_staff(hotel, username="someone", permissions=["change_offer", "view_voucher"]))
    assert someone.post(page_of(offer, "issue"), {"count": 1}).status_code == 403
    assert "issue/" not in someone.get(page_of(offer)).content.decode()


def test_the_action_of_the_list_leads_to_one_offers_issue_page(client: Client, hotel: Hotel) -> None:
    one, two = make_offer(hotel), make_offer(hotel)
    assert act(client, "issue_selected", one).redirect_chain == [(page_of(one, "issue"), 302)]
    assert told(act(client, "issue_selected", one, two))["refused"] == [
        "Choose one offer to issue vouchers of."
    ]


def test_an_offer_with_vouchers_stays_and_one_without_is_deleted_and_journalled(
    client: Client, hotel: Hotel
) -> None:
    used, fresh = make_offer(hotel), make_offer(hotel, title="Fresh", weekdays=(0,))
    make_voucher(used)
    for send in (client.get, client.post):
        response = send(page_of(used, "delete"), {"post": "yes"}, follow=True)
        assert response.redirect_chain == [(page_of(used), 302)]
        assert "cannot be deleted: vouchers of it were issued" in told(response)["refused"][0]
    assert_strict(client.get(page_of(fresh, "delete")))
    client.post(page_of(fresh, "delete"), {"post": "yes"})
    assert list(Offer.objects.all()) == [used]
    event = Event.objects.get(type="offer.delete")
    assert (event.subject_id, event.issuer_uid, event.meta["after"]) == (fresh.pk, "hotel-a", {})
    assert event.meta["before"]["title"] == "Fresh"
    assert event.meta["before"]["opening_hours"][0]["weekday"] == 0


def test_a_voucher_issued_while_its_offer_is_deleted_saves_the_offer(
    client: Client, hotel: Hotel, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer = make_offer(hotel)

    def fail(*_args: Any, **_kwargs: Any) -> None:
        raise IntegrityError

    monkeypatch.setattr("events.admin_journal.ScopedAdmin.delete_model", fail)
    response = client.post(page_of(offer, "delete"), {"post": "yes"}, follow=True)
    assert "cannot be deleted" in told(response)["refused"][0]
    assert not Event.objects.exists()


def test_the_list_of_offers_costs_the_same_number_of_queries_however_long(
    client: Client, hotel: Hotel, django_assert_num_queries: Any
) -> None:
    make_offer(hotel)
    queries(client, page_of(Offer), 8, django_assert_num_queries)
    for _each in range(8):
        make_offer(hotel)
    queries(client, page_of(Offer), 8, django_assert_num_queries)


def test_an_offer_page_costs_the_same_number_of_queries_however_much_is_booked(
    client: Client, hotel: Hotel, django_assert_num_queries: Any
) -> None:
    offer = make_offer(hotel, capacity=9, weekdays=(1,))
    queries(client, page_of(offer), 13, django_assert_num_queries)
    for number, voucher in enumerate(make_vouchers(offer, 6)):
        make_booking(voucher, start=NOON, holder_uid=f"thinker-{number}")
    for weekday in (2, 3, 4):
        OpeningHours.objects.create(offer=offer, weekday=weekday, opens=time(9), closes=time(12))
    queries(client, page_of(offer), 13, django_assert_num_queries)


# Bookings


def make_bookings(hotel: Hotel, number: int = 1, **fields: Any) -> list[Booking]:
    offer = make_offer(hotel, capacity=number)
    return [
        make_booking(voucher, **{"start": NOON, "holder_uid": f"thinker-{each}", **fields})
        for each, voucher in enumerate(make_vouchers(offer, number))
    ]


def test_bookings_are_found_by_their_guest_and_ids(client: Client, hotel: Hotel) -> None:
    ann, _bob = make_bookings(hotel, 2)
    Booking.objects.filter(pk=ann.pk).update(guest_name="Ann Lee", guest_email="ann@lee.example")
    for words in (ann.pk, ann.voucher_id, "ann lee", "ANN@lee", ann.holder_uid):
        assert listed(client.get(page_of(Booking), {"q": words})) == {ann.pk}


def test_times_are_the_hotels_own_and_name_its_zone(client: Client, hotel: Hotel) -> None:
    (booking,) = make_bookings(hotel)
    for address in (page_of(Booking), page_of(booking)):
        assert "Tue, 3 Mar 2026, 12:00–13:00 (Europe/Amsterdam)" in client.get(address).content.decode()


def test_days_are_days_of_the_hotels_clock() -> None:
    far = make_hotel("hotel-far", time_zone="Pacific/Auckland")
    late = datetime(2026, 3, 2, 21, tzinfo=UTC)  # 10:00 on the third in Auckland
    (booking,) = make_bookings(far, start=late)
    client = sign_in(make_staff(far))
    response = client.get(
        page_of(Booking), {"slot_start__day": 3, "slot_start__month": 3, "slot_start__year": 2026}
    )
    assert listed(response) == {booking.pk}
    assert "Days by the clock of Pacific/Auckland" in response.content.decode()
    assert listed(client.get(page_of(Booking), {"when": "tomorrow"})) == {booking.pk}
    assert listed(client.get(page_of(Booking), {"when": "today"})) == set()


def test_staff_of_hotels_in_two_zones_choose_whose_clock_counts(hotel: Hotel) -> None:
    far = make_hotel("hotel-far", time_zone="Pacific/Auckland")
    client = sign_in(make_staff(hotel, far))
    make_bookings(far, start=datetime(2026, 3, 2, 21, tzinfo=UTC))
    assert "clock of UTC" in client.get(page_of(Booking)).content.decode()
    response = client.get(page_of(Booking), {"hotel__uid__exact": "hotel-far"})
    assert "clock of Pacific/Auckland" in response.content.decode()


@pytest.mark.parametrize(
    ("when", "days"),
    [
        ("today", {0}),
        ("tomorrow", {1}),
        ("week", {0, 1, 6}),
        ("coming", {0, 1, 6, 7}),
        ("past", {-1}),
        ("x", {-1, 0, 1, 6, 7}),
    ],
)
def test_the_filter_of_time_keeps_what_it_says(
    when: str, days: set[int], client: Client, hotel: Hotel, clock: time_machine.Traveller
) -> None:
    offer = make_offer(hotel)
    noon = NOON - timedelta(days=1)
    made = {}
    start = NOW - timedelta(days=3)
    for number, voucher in zip((-1, 0, 1, 6, 7), make_vouchers(offer, 5, now=start), strict=True):
        booking = make_booking(
            voucher, start=noon + timedelta(days=number), holder_uid=f"thinker-{number}", now=start
        )
        made[number] = booking.pk
    response = client.get(page_of(Booking), {"when": when})
    starts = [booking.slot_start for booking in response.context["cl"].result_list]
    assert starts == sorted(starts, reverse=when in ("past", "x"))
    assert listed(response) == {made[number] for number in days}


def test_cancelling_asks_first_then_frees_the_place_and_keeps_the_reason(
    client: Client, hotel: Hotel
) -> None:
    first, second = make_bookings(hotel, 2, email="a@b.example", name="Ann")
    before = stored()
    content = act(client, "cancel", first).content.decode()
    assert (
        "Spa hour, Tue, 3 Mar 2026, 12:00–13:00 (Europe/Amsterdam), Ann: the place is free again" in content
    )
    assert "told by e-mail" in content
    assert act(client, "cancel", first, apply="1", reason="").status_code == 422
    assert act(client, "cancel", first, apply="1", reason="x" * 201).status_code == 422
    assert stored() == before
    words = told(act(client, "cancel", first, apply="1", reason="Flooded"))
    assert words == {"worked": ["1 booking cancelled."], "refused": []}
    first.refresh_from_db()
    assert (first.status, first.cancel_reason, first.cancelled_at) == ("cancelled", "Flooded", NOW)
    assert Voucher.objects.get(pk=first.voucher_id).status == Status.ISSUED
    event = Event.objects.get(type="voucher.cancel")
    assert (event.actor_id, event.meta["reason"]) == ("staff:clerk", "Flooded")
    assert Mail.objects.filter(kind="cancelled", booking=first).exists()
    second.refresh_from_db()
    assert second.is_standing


def test_what_cannot_be_cancelled_is_told(
    client: Client, hotel: Hotel, clock: time_machine.Traveller
) -> None:
    good, gone, used = make_bookings(hotel, 3)
    cancel_booking(booking_id=gone.pk, by=CLERK, now=NOW)
    redeem_voucher(voucher_id=used.voucher_id, by=CLERK, now=NOW)
    clock.shift(60)
    assert act(client, "cancel", good, gone, used).content.decode().count("stays as it is") == 2
    words = told(act(client, "cancel", good, gone, used, apply="1", reason="Flooded"))
    assert words["worked"] == ["1 booking cancelled."]
    assert sorted(words["refused"]) == [
        f"This booking has been cancelled. ({gone.pk})",
        f"This voucher has been used. ({used.pk})",
    ]


def test_a_guest_who_did_not_come_is_marked_once_and_not_before_the_time(
    client: Client, hotel: Hotel, clock: time_machine.Traveller
) -> None:
    (booking,) = make_bookings(hotel)
    words = told(act(client, "no_show", booking))
    assert words["refused"] == [f"The time of this booking has not come yet. ({booking.pk})"]
    clock.move_to(NOON + timedelta(minutes=20))
    page = client.get(page_of(booking))
    assert [name for name, _label in page.context["page_actions"]] == ["cancel", "no_show"]
    response = act(client, "no_show", booking, from_page="1")
    assert told(response)["worked"] == ["1 booking marked as not come."]
    assert "Not come" in response.content.decode()
    clock.shift(1)
    assert told(act(client, "no_show", booking))["refused"] == [
        f"This booking is marked already. ({booking.pk})"
    ]
    assert Event.objects.get(type="booking.no_show").actor_id == "staff:clerk"


def test_no_form_changes_adds_or_deletes_a_booking(client: Client, hotel: Hotel) -> None:
    (booking,) = make_bookings(hotel)
    before = stored()
    fields = {"status": "cancelled", "guest_name": "Eve", "_save": "Save"}
    assert client.post(page_of(booking), fields).status_code == 403
    assert client.post(page_of(booking, "delete"), {"post": "yes"}).status_code == 403
    assert client.post(page_of(Booking, "add"), fields).status_code == 403
    act(client, "delete_selected", booking, post="yes")
    assert stored() == before


def test_acting_on_bookings_needs_the_permission_to_change(hotel: Hotel) -> None:
    (booking,) = make_bookings(hotel)
    someone = sign_in(make_staff(hotel, username="someone", permissions=["view_booking"]))
    before = stored()
    for action in ("cancel", "no_show"):
        act(someone, action, booking, apply="1", reason="x")
    assert someone.get(page_of(booking)).context["page_actions"] == []
    assert stored() == before


def test_bookings_and_mails_of_another_hotel_do_not_exist(client: Client) -> None:
    (foreign,) = make_bookings(make_hotel("hotel-b"), email="secret@b.example", name="Secret")
    mail = Mail.objects.get()
    Mail.objects.update(failed_at=NOW)
    before = stored()
    for row in (foreign, mail):
        assert listed(client.get(page_of(type(row)))) == set()
        assert listed(client.get(page_of(type(row)), {"q": "secret"})) == set()
        assert "ecret" not in client.get(page_of(row), follow=True).content.decode()
    for action, row in (("cancel", foreign), ("no_show", foreign), ("send_again", mail)):
        words = told(act(client, action, row, apply="1", reason="Mine now"))
        assert words == {"worked": [], "refused": ["1 of the chosen rows is not in this list."]}
    assert stored() == before


def test_offers_of_another_hotel_cannot_be_changed_or_issued(client: Client) -> None:
    foreign = make_offer(make_hotel("hotel-b"))
    assert client.post(page_of(foreign), offer_form(foreign, title="Mine")).status_code == 302
    client.post(page_of(foreign, "issue"), {"count": 1})
    client.post(page_of(foreign, "delete"), {"post": "yes"})
    assert Offer.objects.get().title == "Spa hour"
    assert not Voucher.objects.exists()
    assert not Event.objects.exists()


def test_the_list_of_bookings_costs_the_same_number_of_queries_however_long(
    client: Client, hotel: Hotel, django_assert_num_queries: Any
) -> None:
    make_bookings(hotel)
    queries(client, page_of(Booking), 9, django_assert_num_queries)
    for _each in range(4):
        make_bookings(hotel, 3)
    queries(client, page_of(Booking), 9, django_assert_num_queries)


# Mails


def test_a_mail_that_was_given_up_is_owed_again(client: Client, hotel: Hotel) -> None:
    first, second = make_bookings(hotel, 2, email="a@b.example")
    given_up, waiting = Mail.objects.get(booking=first), Mail.objects.get(booking=second)
    Mail.objects.filter(pk=given_up.pk).update(failed_at=NOW, attempts=9, created_at=NOW - timedelta(days=4))
    DBTaskResult.objects.all().delete()
    assert listed(client.get(page_of(Mail), {"delivery": "given_up"})) == {given_up.pk}
    assert listed(client.get(page_of(Mail), {"delivery": "owed"})) == {waiting.pk}
    words = told(act(client, "send_again", given_up, waiting))
    assert words["worked"] == ["1 mail is sent again."]
    assert words["refused"] == [f"Only a mail that was given up can be sent again. ({waiting.pk})"]
    given_up.refresh_from_db()
    assert (given_up.failed_at, given_up.attempts, given_up.created_at) == (None, 0, NOW)
    task = DBTaskResult.objects.get()
    assert task.args_kwargs == {"args": [given_up.pk], "kwargs": {}}


def test_the_list_of_mails_costs_the_same_number_of_queries_however_long(
    client: Client, hotel: Hotel, django_assert_num_queries: Any
) -> None:
    make_bookings(hotel, email="a@b.example")
    queries(client, page_of(Mail), 7, django_assert_num_queries)
    make_bookings(hotel, 4, email="c@d.example")
    queries(client, page_of(Mail), 7, django_assert_num_queries)


def shown(client: Client, offer: Offer) -> dict[str, str]:
    """Return what a form that is opened now tells of its row."""
    value = client.get(page_of(offer)).context["shown"]
    return {"_shown": value}


def test_a_form_that_was_opened_before_somebody_else_changed_the_offer_is_refused_once(
    client: Client, hotel: Hotel
) -> None:
    offer = make_offer(hotel, capacity=3)
    opened = shown(client, offer)
    assert client.post(page_of(offer), offer_form(offer, min_notice_minutes=120) | opened).status_code == 302
    stale = offer_form(offer, description="Warm.") | opened
    response = client.post(page_of(offer), stale)
    assert "Somebody else has changed this meanwhile" in response.content.decode()
    offer.refresh_from_db()
    assert (offer.min_notice_minutes, offer.description) == (120, "")
    # Who has been told may have it so.
    again = {"_shown": response.context["shown"]}
    assert client.post(page_of(offer), stale | again).status_code == 302
    offer.refresh_from_db()
    assert (offer.min_notice_minutes, offer.description) == (0, "Warm.")


def test_opening_hours_that_somebody_else_has_changed_are_noticed_too(client: Client, hotel: Hotel) -> None:
    offer = make_offer(hotel)
    opened = shown(client, offer)
    offer.opening_hours.all().delete()
    response = client.post(page_of(offer), offer_form(offer, title="Sauna") | opened)
    assert "Somebody else has changed this meanwhile" in response.content.decode()
    assert (
        client.post(page_of(offer), offer_form(offer, title="Sauna") | shown(client, offer)).status_code
        == 302
    )
