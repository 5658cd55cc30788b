"""Bookings as a calendar: each on its hotel's own day, for staff of that hotel alone."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from bookings.admin_calendar import span_of
from bookings.domain import cancel_booking
from tests.make import CLERK, NOW, OTHER_UID, make_booking, make_hotel, make_offer, make_voucher
from tests.staff import assert_strict, make_staff, sign_in, sign_in_root
from tests.web import words_of
from vouchers.models import Hotel

pytestmark = pytest.mark.django_db
PATH = "/admin/bookings/booking/calendar/"
# Wednesday 4 March 2026, 11:00 in Amsterdam.
START = datetime(2026, 3, 4, 10, tzinfo=UTC)


def days(view: str, day: date) -> dict[str, int]:
    span = span_of(Hotel.objects.all(), view, day, NOW)
    return {str(day): len(entries) for day, entries in span.days.items()}


def test_a_week_begins_on_monday_and_a_day_is_a_day() -> None:
    make_booking(make_voucher(make_offer()), start=START)
    assert days("week", date(2026, 3, 8)) == {
        f"2026-03-0{number}": int(number == 4) for number in range(2, 9)
    }
    assert days("day", date(2026, 3, 4)) == {"2026-03-04": 1}
    assert days("day", date(2026, 3, 5)) == {"2026-03-05": 0}
    assert len(days("nonsense", date(2026, 3, 5))) == 7


def test_a_booking_stands_on_its_hotels_own_day() -> None:
    for uid, zone in (("far-east", "Pacific/Kiritimati"), ("far-west", "Pacific/Niue")):
        voucher = make_voucher(hotel=make_hotel(uid, time_zone=zone), valid_from=NOW)
        make_booking(voucher, start=START.replace(hour=12), holder_uid=OTHER_UID)
    assert days("day", date(2026, 3, 4)) == {"2026-03-04": 1}
    assert days("day", date(2026, 3, 5)) == {"2026-03-05": 1}


def test_what_was_cancelled_is_not_there() -> None:
    booking = make_booking(make_voucher(make_offer()), start=START)
    cancel_booking(booking_id=booking.pk, by=CLERK, now=NOW)
    assert set(days("week", START.date()).values()) == {0}


def test_the_page_shows_ones_own_hotels_alone(django_assert_max_num_queries: Any) -> None:
    own = make_offer(capacity=9)
    make_booking(make_voucher(own), start=START, name="Ann Visser")
    other = make_offer(make_hotel("hotel-b"), title="Secret bath")
    make_booking(make_voucher(other), start=START, holder_uid=OTHER_UID, name="Somebody Else")
    client = sign_in(make_staff(make_hotel()))
    page = client.get(f"{PATH}?day=2026-03-04")
    assert_strict(page)
    assert "11:00 Ann Visser" in words_of(page)
    for query in ("", "?hotel=hotel-b", "?hotel=hotel-b&view=day&day=2026-03-04"):
        assert "Somebody Else" not in words_of(client.get(PATH + query))
    root = sign_in_root()
    words = words_of(root.get(f"{PATH}?day=2026-03-04"))
    assert "Somebody Else" in words
    assert "Hotel hotel-b" in words
    for number in range(5):
        make_booking(make_voucher(own), start=START + timedelta(days=1), holder_uid=f"guest-{number}")
    with django_assert_max_num_queries(9):
        root.get(f"{PATH}?day=2026-03-04")


@pytest.mark.parametrize(
    "query", ["day=never", "day=0001-01-01", "day=9999-12-31", "view=year", "hotel=..", "hotel=nothing"]
)
def test_a_bad_address_is_no_error(query: str) -> None:
    assert sign_in(make_staff(make_hotel())).get(f"{PATH}?{query}").status_code == 200


def test_the_calendar_is_for_those_who_may_see_bookings() -> None:
    assert sign_in(make_staff(make_hotel(), permissions=["view_voucher"])).get(PATH).status_code == 403
