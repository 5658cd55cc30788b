"""Bookings as iCalendar files, read back by a calendar library."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
import vobject
from ical.calendar_stream import IcsCalendarStream
from icalendar import Calendar, Event

from bookings.domain import cancel_booking, move_booking
from bookings.ics import Method, calendar_file
from bookings.models import Booking
from tests.make import HOTEL_SYSTEM, NOW, make_booking, make_hotel, make_offer, make_voucher

pytestmark = pytest.mark.django_db


def read(booking: Booking) -> tuple[Calendar, Event]:
    """Return a booking's calendar and its event."""
    calendar = Calendar.from_ical(calendar_file(booking, now=NOW))
    (event,) = calendar.walk("VEVENT")
    return calendar, event


def booked(zone: str, start: datetime, *, minutes: int = 60) -> Booking:
    """Return a booking in a time zone, issued half a year before its slot."""
    hotel = make_hotel(f"hotel-{zone.lower().replace('/', '-').replace('_', '-')}"[:40], time_zone=zone)
    early = start - timedelta(days=180)
    voucher = make_voucher(
        hotel=hotel,
        now=early,
        valid_from=start,
        valid_until=start + timedelta(days=9),
        duration_minutes=minutes,
    )
    return make_booking(voucher, start=start, now=early)


def test_an_event_says_what_when_and_where() -> None:
    hotel = make_hotel(address="Keizersgracht 410, Amsterdam")
    booking = make_booking(make_voucher(hotel=hotel, title="Spa hour"))
    calendar, event = read(booking)
    assert event["SUMMARY"] == "Spa hour, Hotel hotel-a"
    assert event["LOCATION"] == "Hotel hotel-a, Keizersgracht 410, Amsterdam"
    assert event["DTSTART"].dt == booking.slot_start
    assert event["DTEND"].dt == booking.slot_end
    assert event["DTSTAMP"].dt == NOW
    assert event["STATUS"] == "CONFIRMED"
    assert (calendar["VERSION"], calendar["METHOD"]) == ("2.0", "PUBLISH")


def test_an_event_leads_to_the_booking(settings: Any) -> None:
    settings.PUBLIC_URL = "https://vouchers.example.com"
    booking = make_booking()
    _calendar, event = read(booking)
    assert event["URL"] == f"https://vouchers.example.com/booking/{booking.pk}/"
    assert event["UID"] == f"{booking.pk}@vouchers.example.com"


def test_moving_keeps_the_entry_and_raises_its_sequence() -> None:
    booking = make_booking()
    _calendar, before = read(booking)
    moved = move_booking(booking_id=booking.pk, start=NOW + timedelta(days=2), by=HOTEL_SYSTEM, now=NOW)
    _calendar, after = read(moved)
    assert after["UID"] == before["UID"]
    assert (before["SEQUENCE"], after["SEQUENCE"]) == (0, 1)
    assert after["DTSTART"].dt == NOW + timedelta(days=2)


def test_a_cancelled_booking_is_a_cancelled_event() -> None:
    booking = make_booking()
    cancel_booking(booking_id=booking.pk, by=HOTEL_SYSTEM, now=NOW)
    booking.refresh_from_db()
    assert (read(booking)[1]["STATUS"], read(booking)[1]["SEQUENCE"]) == ("CANCELLED", 1)


@pytest.mark.parametrize("method", list(Method))
def test_two_more_readers_take_what_a_mail_brings(method: Method) -> None:
    booking = booked("Australia/Lord_Howe", datetime(2026, 4, 4, 10, tzinfo=UTC))
    raw = calendar_file(booking, now=NOW, method=method).decode()
    loose, third = vobject.readOne(raw), IcsCalendarStream.calendar_from_ics(raw)
    assert (loose.method.value, third.method) == (method.value, method.value)
    (event,) = third.events
    assert (event.uid, event.dtstart) == (loose.vevent.uid.value, loose.vevent.dtstart.value)
    assert event.dtstart == booking.slot_start


@pytest.mark.parametrize("name", ['The "Alder"; House: bar, spa', "Näh\r\nBEGIN:VEVENT", "שלום 🚤"])
def test_names_in_parameters_are_read_back_and_stay_in_their_line(name: str) -> None:
    booking = make_booking(make_voucher(hotel=make_hotel(name=name)), name=name, email="ann@guest.example")
    raw = calendar_file(booking, now=NOW, method=Method.REQUEST)
    (event,) = Calendar.from_ical(raw).walk("VEVENT")
    readable = name.replace('"', "’").replace("\r\n", "")
    assert (event["ORGANIZER"].params["CN"], event["ATTENDEE"].params["CN"]) == (readable, readable)
    assert raw.split(b"\r\n").count(b"BEGIN:VEVENT") == 1


@pytest.mark.parametrize(
    "zone",
    [
        "Europe/Amsterdam", "Atlantic/Azores", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe",
        "America/St_Johns", "Africa/Casablanca", "Pacific/Apia", "America/Sao_Paulo", "Asia/Tokyo", "UTC",
        "Etc/GMT+5",
    ],
)  # fmt: skip
def test_times_are_in_the_hotels_zone_and_the_zone_is_told(zone: str) -> None:
    booking = booked(zone, datetime(2026, 6, 15, 10, tzinfo=UTC))
    calendar, event = read(booking)
    assert event["DTSTART"].dt == booking.slot_start
    assert event["DTEND"].dt == booking.slot_end
    if zone != "UTC":
        assert event["DTSTART"].params["TZID"] == zone
        assert zone in {part["TZID"] for part in calendar.walk("VTIMEZONE")}


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("Europe/Amsterdam", datetime(2026, 3, 29, 0, tzinfo=UTC)),
        ("Europe/Amsterdam", datetime(2026, 3, 29, 1, tzinfo=UTC)),
        ("Europe/Amsterdam", datetime(2026, 10, 24, 23, tzinfo=UTC)),
        ("Europe/Amsterdam", datetime(2026, 10, 25, 0, tzinfo=UTC)),
        ("Europe/Amsterdam", datetime(2026, 10, 25, 1, tzinfo=UTC)),
        ("Europe/Amsterdam", datetime(2026, 10, 25, 2, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 1, 5, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 4, 4, 14, 45, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, 15, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("minutes", [30, 60, 180])
def test_a_calendar_shows_the_very_hour_on_the_days_when_the_clocks_change(
    zone: str, start: datetime, minutes: int
) -> None:
    booking = booked(zone, start, minutes=minutes)
    _calendar, event = read(booking)
    # A time that exists twice means its first reading (RFC 5545, 3.3.5), as Python's does.
    assert event["DTSTART"].dt.astimezone(UTC) == start
    assert event["DTEND"].dt.astimezone(UTC) == start + timedelta(minutes=minutes)
    # Both ends are of one kind: local with a zone, or UTC.
    assert event["DTSTART"].params.get("TZID") == event["DTEND"].params.get("TZID")


@pytest.mark.parametrize("year", [1996, 2026, 2037, 2040, 2198])
def test_any_year_that_can_be_booked_is_told_rightly(year: int) -> None:
    for month in (1, 7):
        booking = booked("Europe/Amsterdam", datetime(year, month, 15, 10, tzinfo=UTC))
        calendar, event = read(booking)
        assert event["DTSTART"].dt.astimezone(UTC) == booking.slot_start
        # The zone as the file itself tells it, for programs that know none by name.
        (told,) = calendar.walk("VTIMEZONE")
        wall = event["DTSTART"].dt.replace(tzinfo=None)
        assert told.to_tz(lookup_tzid=False).utcoffset(wall) == event["DTSTART"].dt.utcoffset()


@pytest.mark.parametrize(
    "text",
    [
        "Spa, sauna; bath",
        "Two\nlines",
        "Back\\slash",
        "END:VEVENT\r\nBEGIN:VALARM",
        "Ünïcödé 🚤 שלום",
        "x" * 120,
    ],
)
def test_texts_come_back_as_they_were_and_stay_in_their_line(text: str) -> None:
    booking = make_booking(make_voucher(title=text))
    calendar, event = read(booking)
    assert event["SUMMARY"].replace("\n", " ").split() == f"{text}, Hotel hotel-a".split()
    assert len(calendar.walk("VEVENT")) == 1
    assert calendar.walk("VALARM") == []
    raw = calendar_file(booking, now=NOW)
    assert all(len(line) <= 75 for line in raw.split(b"\r\n"))


def test_what_the_guest_typed_is_not_in_the_file() -> None:
    booking = make_booking(name="Ann Visser", email="ann@guest.example", note="By the window")
    raw = calendar_file(booking, now=NOW).decode()
    for word in ("Ann", "guest.example", "window"):
        assert word not in raw


def test_a_slot_over_midnight_ends_on_the_next_day() -> None:
    offer = make_offer(opens=time(22), closes=time(2), duration_minutes=120)
    start = datetime(2026, 3, 3, 22, tzinfo=UTC)
    booking = make_booking(make_voucher(offer), start=start)
    _calendar, event = read(booking)
    assert event["DTSTART"].dt.date().isoformat() == "2026-03-03"
    assert event["DTEND"].dt.date().isoformat() == "2026-03-04"
