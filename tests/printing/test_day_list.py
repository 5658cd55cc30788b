"""The desk's day list: whose it is, what is on it, and who may see it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import pytest
from django.contrib import admin
from django.test import Client

from bookings.admin_bookings import BookingAdmin
from bookings.arrivals import mark_arrived
from bookings.domain import cancel_booking, mark_no_show
from bookings.models import Booking
from printing.queries import booking_words, day_sheet
from tests.make import CLERK, NOW, make_booking, make_hotel, make_offer, make_voucher
from tests.printing.reading import body_of, pages_of
from tests.staff import assert_strict, make_staff, sign_in, sign_in_root
from tests.web import words_of
from vouchers.domain import redeem_voucher
from vouchers.models import Hotel

pytestmark = pytest.mark.django_db
# 09:00 in Amsterdam.
START = NOW
DAY = date(2026, 3, 2)
PAGE, FILE = "/admin/day-list/", "/admin/day-list/print.pdf"


@pytest.fixture
def hotel() -> Hotel:
    return make_hotel()


@pytest.fixture
def client(hotel: Hotel) -> Client:
    return sign_in(make_staff(hotel))


def make_guest(
    number: int, *, start: datetime | None = None, hotel: Hotel | None = None, **details: Any
) -> Booking:
    offer = make_offer(hotel, capacity=9, title=f"Spa {number}", duration_minutes=90)
    return make_booking(
        make_voucher(offer, valid_from=NOW - timedelta(days=9), valid_until=NOW + timedelta(days=30)),
        start=start or START + timedelta(hours=number),
        holder_uid=f"thinker-{number:012d}",
        **details,
    )


def words_of_list(response: Any) -> str:
    return " ".join(pages_of(body_of(response)))


def test_the_day_is_told_by_time_on_the_page_and_on_paper(client: Client) -> None:
    make_guest(3, name="Олександр", note="By the window")
    arrived = make_guest(2, name="Ann Visser")
    mark_arrived(booking_id=arrived.pk, by=CLERK, now=NOW)
    lines = (
        "11:00–12:30 Ann Visser Spa 2 1 hr 30 mins 09:00 Booked",
        "12:00–13:30 Олександр Spa 3 1 hr 30 mins By the window Booked",
    )
    page = words_of(client.get(PAGE))
    assert "Hotel hotel-a" in page
    assert "Monday, 2 March 2026" in page
    assert "2 bookings" in page
    assert " ".join(lines) in page
    words = words_of_list(client.get(FILE))
    head = "Hotel hotel-a Monday, 2 March 2026 2 bookings Time Guest What Length Note Arrived Status"
    assert words == " ".join((head, *lines, "As of Mon 2 Mar, 09:00 1 / 1"))


def test_a_day_is_the_hotels_from_midnight_to_midnight_of_its_clock(hotel: Hotel) -> None:
    hotel.time_zone = "America/New_York"
    hotel.save()
    midnight = datetime(2026, 3, 3, 5, tzinfo=UTC)
    for number, hours in enumerate((-1, 0, 23, 24)):
        voucher = make_voucher(hotel=hotel, title=f"Stay {number}")
        make_booking(voucher, start=midnight + timedelta(hours=hours), holder_uid=f"thinker-{number:012d}")
    found = day_sheet(hotel, date(2026, 3, 3), NOW)
    assert [line.what for line in found.lines] == ["Stay 1", "Stay 2"]


def test_a_cancelled_booking_stays_on_the_list_without_a_box_and_is_not_counted(client: Client) -> None:
    make_guest(2)
    cancelled = make_guest(3, name="Gone")
    cancel_booking(booking_id=cancelled.pk, by=CLERK, now=NOW, reason="")
    page = client.get(PAGE)
    assert "1 booking" in words_of(page)
    assert "Gone" in words_of(page)
    assert page.content.decode().count("day-box") == 1


def test_the_state_is_told_in_the_words_of_the_admin(clock: Any) -> None:
    booked, cancelled, used, missed, forgiven, over = (make_guest(number) for number in range(1, 7))
    cancel_booking(booking_id=cancelled.pk, by=CLERK, now=NOW, reason="")
    redeem_voucher(voucher_id=used.voucher_id, by=CLERK, now=NOW)
    later = START + timedelta(hours=9)
    clock.move_to(later)
    for booking in (missed, forgiven):
        mark_no_show(booking_id=booking.pk, by=CLERK, now=later)
    redeem_voucher(voucher_id=forgiven.voucher_id, by=CLERK, now=later)
    shown = cast(BookingAdmin, admin.site.get_model_admin(Booking))
    found = {}
    for booking in (booked, cancelled, used, missed, forgiven, over):
        row = Booking.objects.select_related("voucher").get(pk=booking.pk)
        found[booking.pk] = booking_words(row, later)
        assert found[booking.pk] == shown.state(row)
    assert list(found.values()) == ["Booked", "Cancelled", "Consumed", "Not come", "Consumed", "Booked"]


def test_without_a_day_it_is_today_by_the_hotels_clock(clock: Any, hotel: Hotel, client: Client) -> None:
    hotel.time_zone = "Pacific/Auckland"
    hotel.save()
    clock.move_to(datetime(2026, 3, 2, 12, tzinfo=UTC))
    assert "Tuesday, 3 March 2026" in words_of(client.get(PAGE))


def test_a_day_without_bookings_says_so(client: Client) -> None:
    assert "Nothing is booked on this day." in words_of(client.get(PAGE, {"day": "2026-05-01"}))
    assert "Nothing is booked on this day." in words_of_list(client.get(FILE, {"day": "2026-05-01"}))


def test_another_hotels_day_does_not_exist(client: Client) -> None:
    make_guest(2, hotel=make_hotel("hotel-b"), name="Someone Else")
    for address in (PAGE, FILE):
        assert client.get(address, {"hotel": "hotel-b"}).status_code == 404
        assert client.get(address, {"hotel": "none"}).status_code == 404
        assert client.get(address).status_code == 200
    assert "Someone Else" not in words_of(client.get(PAGE))
    assert "hotel-b" not in words_of(client.get(PAGE))
    assert "Someone Else" in words_of(sign_in_root().get(PAGE, {"hotel": "hotel-b"}))


def test_the_list_is_for_those_who_may_see_bookings(hotel: Hotel) -> None:
    nobody = sign_in(make_staff(hotel, username="nobody", permissions=["view_voucher"]))
    for address in (PAGE, FILE):
        assert nobody.get(address).status_code == 403
        assert Client().get(address).status_code == 302


def test_staff_of_no_hotel_have_no_day() -> None:
    assert sign_in(make_staff()).get(PAGE).status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        {"day": "tomorrow"},
        {"day": "2026-02-30"},
        {"day": "0001-01-01"},
        {"day": "9999-12-31"},
        {"day": "\x00"},
        {"hotel": "no slug"},
        {"hotel": "x" * 41},
        {"hotel": "\x00"},
    ],
)
def test_garbage_in_the_address_is_refused(client: Client, query: dict[str, str]) -> None:
    for address in (PAGE, FILE):
        assert client.get(address, query).status_code == 400


@pytest.mark.parametrize("day", ["1990-01-01", "2199-12-31"])
def test_the_first_and_the_last_day_of_calendars_are_days(client: Client, day: str) -> None:
    assert client.get(PAGE, {"day": day}).status_code == 200
    assert client.get(FILE, {"day": day}).status_code == 200


def test_neither_takes_a_form(client: Client) -> None:
    assert client.post(PAGE).status_code == 405
    assert client.post(FILE).status_code == 405


def test_what_guests_type_is_shown_as_text(client: Client) -> None:
    make_guest(2, name="<script>alert(1)</script>", note="<b>bold</b>")
    page = client.get(PAGE)
    assert_strict(page)
    assert "<script>alert" not in page.content.decode()
    assert "&lt;b&gt;bold" in page.content.decode()


def test_the_page_costs_the_same_however_long_the_day(client: Client, django_assert_num_queries: Any) -> None:
    make_guest(1)
    client.get(PAGE)
    with django_assert_num_queries(6):
        client.get(PAGE)
    for number in range(2, 6):
        make_guest(number)
    with django_assert_num_queries(6):
        client.get(PAGE)


def test_a_day_of_very_many_ends_at_a_bound(hotel: Hotel, monkeypatch: Any) -> None:
    monkeypatch.setattr("printing.queries.MOST_OF_DAY", 2)
    for number in range(1, 4):
        make_guest(number)
    assert len(day_sheet(hotel, DAY, NOW).lines) == 2


def test_the_file_is_named_by_hotel_and_day_and_kept_by_no_cache(client: Client) -> None:
    answer = client.get(FILE, {"day": "2026-03-05"})
    assert answer.headers["Content-Disposition"] == 'attachment; filename="hotel-a-2026-03-05.pdf"'
    assert {"private", "no-store"} <= set(answer.headers["Cache-Control"].split(", "))


def test_the_page_has_its_own_sheet_of_style_and_leads_to_the_file_and_the_days_beside(
    client: Client,
) -> None:
    page = client.get(PAGE).content.decode()
    assert "css/print.css" in page
    assert 'href="/admin/day-list/print.pdf?hotel=hotel-a&amp;day=2026-03-02"' in page
    assert 'href="?hotel=hotel-a&amp;day=2026-03-01"' in page
    assert 'href="?hotel=hotel-a&amp;day=2026-03-03"' in page
    assert 'href="/admin/day-list/"' in client.get("/admin/bookings/booking/").content.decode()
